// The caps on either side of latentinterpolate.
#pragma once

#include <gst/gst.h>

namespace taegst {

// What the other side of a pad in `direction` may have when this side has
// `caps`: all but the framerate and the noise stays. filter may be null. Owned
// by the caller.
GstCaps* TweenCaps(GstPadDirection direction, GstCaps* caps, GstCaps* filter);

// Takes the framerate out of an answered caps query. GstBaseTransform asks
// upstream for downstream's framerate first, to have nothing to do; any is as
// good.
void ForgetRate(GstQuery* query);

}  // namespace taegst
