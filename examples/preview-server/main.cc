// tae-preview-server: what programs generate, in a browser. README.md says how.
#include <glib-unix.h>
#include <gst/gst.h>
#include <malloc.h>

#include <cstdio>
#include <exception>
#include <memory>

#include "app.h"
#include "descriptors.h"
#include "latentmux/latentmux.h"
#include "latentparse/latentparse.h"
#include "latentsrc/latentsrc.h"
#include "options.h"
#include "taedecode/taedecode.h"

namespace {

gboolean Quit(gpointer loop) {
  g_main_loop_quit(static_cast<GMainLoop*>(loop));
  return G_SOURCE_CONTINUE;
}

// Every film, picture and peer has threads of its own, that come and go. glibc
// gives each a heap, up to eight a core, and all of them keep the frames of the
// largest film: 500 MB after some films instead of 170.
void ShareHeaps() {
#ifdef M_ARENA_MAX
  mallopt(M_ARENA_MAX, 2);
#endif
}

// The elements are part of this program: no plugin has to be found.
void RegisterElements() {
  GST_ELEMENT_REGISTER(latentmux, nullptr);
  GST_ELEMENT_REGISTER(latentparse, nullptr);
  GST_ELEMENT_REGISTER(latentsrc, nullptr);
  GST_ELEMENT_REGISTER(taedecode, nullptr);
}

int Fail(const tae::Status& status) {
  fprintf(stderr, "%s\n", status.message().c_str());
  return 1;
}

void Greet(const preview::App& app, const preview::Options& options) {
  printf("Open %s%s\n", app.url().c_str(),
         options.token.empty() ? "" : "?token=...");
  if (options.latents.empty())
    printf("A demo is shown.\n");
  else
    printf("Waiting for latents at %s\n", app.latents().c_str());
  fflush(stdout);
}

int Run(int argc, char** argv) {
  const tae::StatusOr<preview::Options> options =
      preview::ParseOptions(argc, argv);
  if (!options.ok()) return Fail(options.status());
  ShareHeaps();
  preview::RaiseDescriptorLimit();
  gst_init(nullptr, nullptr);
  RegisterElements();
  const std::unique_ptr<GMainLoop, void (*)(GMainLoop*)> loop(
      g_main_loop_new(nullptr, FALSE), g_main_loop_unref);
  g_unix_signal_add(SIGINT, Quit, loop.get());
  g_unix_signal_add(SIGTERM, Quit, loop.get());
  preview::App app(*options);
  if (const tae::Status status = app.Start(); !status.ok()) return Fail(status);
  Greet(app, *options);
  g_main_loop_run(loop.get());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const int result = Run(argc, argv);
    // GST_TRACERS=leaks reports what is still alive here.
    if (gst_is_initialized()) gst_deinit();
    return result;
  } catch (const std::exception& error) {
    fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
