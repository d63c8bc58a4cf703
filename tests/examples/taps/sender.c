/* A native program with a tap: sender ADDRESS STEPS MICROSECONDS CLOSE_SECONDS.
 * Prints the longest time that one send took and the time that closing took,
 * in seconds. Built as C99 and as C++. */
#include "tae_tap.h"

enum { kChannels = 16, kSide = 128, kCount = kChannels * kSide * kSide };

static float pixels[kCount];

static tae_tap_latent Latent(int step, int steps) {
  tae_tap_latent latent;
  int i;
  memset(&latent, 0, sizeof(latent));
  for (i = 0; i < kCount; ++i) pixels[i] = (float)step;
  latent.data = pixels, latent.size = sizeof(pixels), latent.dtype = "F32";
  latent.dims[0] = 1, latent.dims[1] = kChannels;
  latent.dims[2] = latent.dims[3] = kSide, latent.n_dims = 4;
  latent.space = "flux1", latent.layout = "nchw", latent.pred = "x0";
  latent.gen = "7", latent.prompt = "a \"cat\"\n\\ \xe7\x8c\xab";
  latent.step = step, latent.steps = steps, latent.final = step == steps;
  latent.has_sigma = 1, latent.sigma = 0.25;
  latent.has_seed = 1, latent.seed = 18446744073709551615u;
  return latent;
}

static int Refuses(tae_tap* tap) {
  tae_tap_latent wrong = Latent(1, 2);
  int taken = 0;
  wrong.dims[3] = 127;
  taken += tae_tap_send(tap, &wrong);
  wrong = Latent(1, 2), wrong.dtype = "F64";
  taken += tae_tap_send(tap, &wrong);
  wrong = Latent(1, 2), wrong.dims[0] = -1;
  taken += tae_tap_send(tap, &wrong);
  wrong = Latent(1, 2), wrong.data = NULL;
  taken += tae_tap_send(tap, &wrong);
  taken += tae_tap_send(NULL, &wrong);
  return taken == 0;
}

int main(int argc, char** argv) {
  double longest = 0, begin;
  int step, steps;
  tae_tap* tap;
  if (argc != 5) return 2;
  steps = atoi(argv[2]);
  tap = tae_tap_open(argv[1]);
  if (!tap || !Refuses(tap)) return 1;
  for (step = 1; step <= steps; ++step) {
    const tae_tap_latent latent = Latent(step, steps);
    begin = tae_tap_now();
    if (!tae_tap_send(tap, &latent)) return 1;
    begin = tae_tap_now() - begin;
    if (begin > longest) longest = begin;
    usleep((useconds_t)atoi(argv[3]));
  }
  begin = tae_tap_now();
  tae_tap_close(tap, atof(argv[4]));
  printf("%.6f %.6f\n", longest, tae_tap_now() - begin);
  return 0;
}
