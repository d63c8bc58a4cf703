/* tae/tae.h from C: what it opens, prepares and decodes, and what it refuses.
 * Every check that fails is named, and makes the exit status 1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tae/tae.h"

static int failures = 0;

#define CHECK(condition)                                                 \
  do {                                                                   \
    if (!(condition)) {                                                  \
      fprintf(stderr, "%s:%d: %s; last error: %s\n", __FILE__, __LINE__, \
              #condition, tae_last_error());                             \
      ++failures;                                                        \
    }                                                                    \
  } while (0)

enum { kHeight = 4, kWidth = 6, kChannels = 32, kScale = 8 };
enum { kRows = kHeight * kScale, kColumns = kWidth * kScale };

static float latent[kChannels * kHeight * kWidth];

static TaeStatus decode(TaeDecoder* decoder, unsigned char* picture) {
  void* planes[] = {picture};
  const ptrdiff_t strides[] = {3 * kColumns};
  return tae_decode(decoder, latent, sizeof(latent), TAE_DTYPE_F32,
                    TAE_LAYOUT_NCHW, TAE_DOMAIN_SAMPLER, planes, strides);
}

static void decodes_a_picture(void) {
  static unsigned char first[3 * kRows * kColumns];
  static unsigned char second[3 * kRows * kColumns];
  TaeDecoder* decoder = NULL;
  CHECK(tae_open("FLUX.2", NULL, 2, &decoder) == TAE_OK);
  CHECK(tae_channels(decoder) == kChannels);
  CHECK(tae_scale(decoder) == kScale);
  CHECK(tae_prepare(decoder, kHeight, kWidth, TAE_PIXEL_RGB,
                    TAE_PRECISION_AUTO) == TAE_OK);
  CHECK(decode(decoder, first) == TAE_OK);
  CHECK(tae_nonfinite(decoder) == 0);
  memset(second, 1, sizeof(second));
  tae_cancel(decoder); /* nothing is being decoded: without effect */
  CHECK(decode(decoder, second) == TAE_OK);
  CHECK(memcmp(first, second, sizeof(first)) == 0);
  CHECK(memchr(first, first[0] ^ 1, sizeof(first)) != NULL ||
        memcmp(first, first + 1, sizeof(first) - 1) != 0);
  tae_close(decoder);
}

static void counts_what_is_not_finite(void) {
  static unsigned char picture[3 * kRows * kColumns];
  TaeDecoder* decoder = NULL;
  const float kept = latent[7];
  const unsigned infinity = 0x7f800000u;
  CHECK(tae_open("flux2", NULL, 1, &decoder) == TAE_OK);
  CHECK(tae_prepare(decoder, kHeight, kWidth, TAE_PIXEL_RGB,
                    TAE_PRECISION_F32) == TAE_OK);
  memcpy(&latent[7], &infinity, sizeof(infinity));
  CHECK(decode(decoder, picture) == TAE_OK);
  CHECK(tae_nonfinite(decoder) == 1);
  latent[7] = kept;
  tae_close(decoder);
}

static void says_what_stands_in(void) {
  TaeDecoder* decoder = NULL;
  CHECK(tae_open("flux2", NULL, 1, &decoder) == TAE_OK);
  CHECK(strstr(tae_note(decoder), "built-in decoder") != NULL);
  tae_close(decoder);
}

static void refuses_wrong_arguments(void) {
  static unsigned char picture[3 * kRows * kColumns];
  void* planes[] = {picture};
  void* no_plane[] = {NULL};
  const ptrdiff_t strides[] = {3 * kColumns};
  TaeDecoder* decoder = (TaeDecoder*)picture;
  CHECK(tae_open("no-such-space", NULL, 0, &decoder) == TAE_INVALID_ARGUMENT);
  CHECK(decoder == NULL);
  CHECK(strstr(tae_last_error(), "no-such-space") != NULL);
  CHECK(tae_open(NULL, NULL, 0, &decoder) == TAE_INVALID_ARGUMENT);
  CHECK(tae_open("flux2", NULL, -1, &decoder) == TAE_INVALID_ARGUMENT);
  CHECK(tae_open("flux2", NULL, 0, NULL) == TAE_INVALID_ARGUMENT);
  CHECK(tae_open("flux2", "/nonexistent/file", 0, &decoder) == TAE_NOT_FOUND);
  CHECK(tae_open("flux2", NULL, 1, &decoder) == TAE_OK);
  CHECK(decode(decoder, picture) == TAE_INVALID_ARGUMENT);
  CHECK(strstr(tae_last_error(), "tae_prepare") != NULL);
  CHECK(tae_prepare(decoder, 0, kWidth, TAE_PIXEL_RGB, TAE_PRECISION_AUTO) ==
        TAE_INVALID_ARGUMENT);
  CHECK(tae_prepare(decoder, kHeight, kWidth, (TaePixelFormat)99,
                    TAE_PRECISION_AUTO) == TAE_INVALID_ARGUMENT);
  CHECK(tae_prepare(decoder, kHeight, kWidth, TAE_PIXEL_RGB,
                    TAE_PRECISION_AUTO) == TAE_OK);
  CHECK(tae_decode(decoder, latent, sizeof(latent) - 4, TAE_DTYPE_F32,
                   TAE_LAYOUT_NCHW, TAE_DOMAIN_SAMPLER, planes,
                   strides) == TAE_INVALID_ARGUMENT);
  CHECK(tae_decode(decoder, latent, sizeof(latent), (TaeDType)9,
                   TAE_LAYOUT_NCHW, TAE_DOMAIN_SAMPLER, planes,
                   strides) == TAE_INVALID_ARGUMENT);
  CHECK(tae_decode(decoder, latent, sizeof(latent), TAE_DTYPE_F32,
                   TAE_LAYOUT_NCHW, TAE_DOMAIN_SAMPLER, no_plane,
                   strides) == TAE_INVALID_ARGUMENT);
  CHECK(tae_decode(decoder, latent, sizeof(latent), TAE_DTYPE_F32,
                   TAE_LAYOUT_NCHW, TAE_DOMAIN_SAMPLER, NULL,
                   NULL) == TAE_INVALID_ARGUMENT);
  CHECK(tae_decode(NULL, latent, sizeof(latent), TAE_DTYPE_F32, TAE_LAYOUT_NCHW,
                   TAE_DOMAIN_SAMPLER, planes,
                   strides) == TAE_INVALID_ARGUMENT);
  tae_close(decoder);
  tae_close(NULL);
}

static void lists_the_spaces(void) {
  int count = 0;
  int found = 0;
  while (tae_variant_name(count) != NULL)
    found |= strcmp(tae_variant_name(count++), "flux2") == 0;
  CHECK(found);
  CHECK(tae_variant_name(-1) == NULL);
  CHECK(tae_abi_version() == 1);
}

int main(void) {
  /* Without weights, so that the built-in decoder serves everywhere. */
  setenv("TAE_MODEL_PATH", "", 1);
  setenv("XDG_DATA_HOME", "/nonexistent", 1);
  setenv("XDG_DATA_DIRS", "/nonexistent", 1);
  unsetenv("COMFYUI_PATH");
  setenv("HOME", "/nonexistent", 1);
  for (size_t i = 0; i < sizeof(latent) / sizeof(*latent); ++i)
    latent[i] = (float)(i % 13) / 6 - 1;
  CHECK(strcmp(tae_last_error(), "") == 0);
  decodes_a_picture();
  counts_what_is_not_finite();
  says_what_stands_in();
  refuses_wrong_arguments();
  lists_the_spaces();
  return failures == 0 ? 0 : 1;
}
