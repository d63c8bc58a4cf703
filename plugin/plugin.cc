// What GStreamer loads: the plugin's name and a line for each element.
#include <gst/gst.h>

#include "common/latent_meta.h"
#include "latentinterpolate/latentinterpolate.h"
#include "latentmux/latentmux.h"
#include "latentparse/latentparse.h"
#include "latentparse/typefind.h"
#include "latentsrc/latentsrc.h"
#include "progress/progressoverlay.h"
#include "progress/progresstext.h"
#include "taedecode/taedecode.h"

static gboolean plugin_init(GstPlugin* plugin) {
  taegst::RegisterLatentStepMeta();
  gboolean registered = TRUE;
  registered &= taegst::RegisterTypefinders(plugin);
  registered &= GST_ELEMENT_REGISTER(latentinterpolate, plugin);
  registered &= GST_ELEMENT_REGISTER(latentmux, plugin);
  registered &= GST_ELEMENT_REGISTER(latentparse, plugin);
  registered &= GST_ELEMENT_REGISTER(latentsrc, plugin);
  registered &= GST_ELEMENT_REGISTER(progressoverlay, plugin);
  registered &= GST_ELEMENT_REGISTER(progresstext, plugin);
  registered &= GST_ELEMENT_REGISTER(taedecode, plugin);
  return registered;
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, tae,
                  "Live pictures of a diffusion model's latents", plugin_init,
                  TAE_VERSION, "MIT/X11", "tae", "Unknown package origin")
