/* A latent as a safetensors message, for tae_tap.h, which includes this file.
 */
#ifndef TAE_TAP_MESSAGE_H
#define TAE_TAP_MESSAGE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { kTaeTapTextRoom = 4096 }; /* bytes of a string that are sent */

/* One latent. Strings are UTF-8; NULL and 0 mean "not said". */
typedef struct tae_tap_latent {
  const void* data;  /* row-major, little endian; read during the call only */
  size_t size;       /* bytes */
  const char* dtype; /* "F16", "BF16" or "F32" */
  int64_t dims[5];   /* outermost first */
  int n_dims;
  const char* space;  /* sd1, sdxl, sd3, flux1, flux2, wan21... */
  const char* layout; /* nchw, nhwc, packed, packed-nchw, packed-ideogram4 */
  const char* domain; /* sampler, vae */
  const char* pred;   /* x0, x */
  const char* gen;    /* differs from generation to generation */
  const char* prompt;
  int width, height; /* pixels of the picture; packed latents need them */
  int step, steps;   /* step counts from 1 */
  int has_sigma, has_sigma_next, has_seed;
  double sigma, sigma_next; /* noise of this latent, and of the next one */
  uint64_t seed;
  int final; /* the last one of its generation: never dropped */
} tae_tap_latent;

typedef struct tae_tap_message {
  struct tae_tap_message* next;
  size_t size;
  int final;
  char bytes[1]; /* `size` of them */
} tae_tap_message;

/* Text that grows within a fixed room; what does not fit is left out. */
typedef struct tae_tap_text {
  char* bytes;
  size_t size, room;
} tae_tap_text;

static inline void tae_tap_put(tae_tap_text* text, const char* part) {
  const size_t n = strlen(part);
  if (text->size + n > text->room) return;
  memcpy(text->bytes + text->size, part, n);
  text->size += n;
}

/* Adds ,"key":"value" with the value escaped as JSON. */
static inline void tae_tap_put_string(tae_tap_text* text, const char* key,
                                      const char* value) {
  char unit[8];
  const char* end;
  if (!value) return;
  tae_tap_put(text, text->bytes[text->size - 1] == '{' ? "\"" : ",\"");
  tae_tap_put(text, key);
  tae_tap_put(text, "\":\"");
  end = value + strlen(value);
  if (end - value > kTaeTapTextRoom) {
    end = value + kTaeTapTextRoom; /* not inside a UTF-8 character */
    while (end > value && ((unsigned char)*end & 0xC0) == 0x80) --end;
  }
  for (; value < end; ++value) {
    const unsigned char c = (unsigned char)*value;
    if (c < 0x20 || c == '"' || c == '\\')
      snprintf(unit, sizeof(unit), "\\u%04x", c);
    else
      unit[0] = *value, unit[1] = 0;
    tae_tap_put(text, unit);
  }
  tae_tap_put(text, "\"");
}

static inline void tae_tap_put_int(tae_tap_text* text, const char* key,
                                   int value) {
  char digits[16];
  if (value <= 0) return;
  snprintf(digits, sizeof(digits), "%d", value);
  tae_tap_put_string(text, key, digits);
}

static inline void tae_tap_put_real(tae_tap_text* text, const char* key,
                                    int said, double value) {
  char digits[40];
  char* c;
  if (!said) return;
  snprintf(digits, sizeof(digits), "%.9g", value);
  for (c = digits; *c; ++c)
    if (*c == ',') *c = '.'; /* as some locales have it */
  tae_tap_put_string(text, key, digits);
}

static inline void tae_tap_put_metadata(tae_tap_text* text,
                                        const tae_tap_latent* latent) {
  char seed[24];
  tae_tap_put(text, "{\"__metadata__\":{");
  tae_tap_put_string(text, "space", latent->space);
  tae_tap_put_string(text, "layout", latent->layout);
  tae_tap_put_string(text, "domain", latent->domain);
  tae_tap_put_string(text, "pred", latent->pred);
  tae_tap_put_string(text, "gen", latent->gen);
  tae_tap_put_int(text, "width", latent->width);
  tae_tap_put_int(text, "height", latent->height);
  tae_tap_put_int(text, "step", latent->step);
  tae_tap_put_int(text, "steps", latent->steps);
  tae_tap_put_real(text, "sigma", latent->has_sigma, latent->sigma);
  tae_tap_put_real(text, "sigma_next", latent->has_sigma_next,
                   latent->sigma_next);
  snprintf(seed, sizeof(seed), "%llu", (unsigned long long)latent->seed);
  tae_tap_put_string(text, "seed", latent->has_seed ? seed : NULL);
  tae_tap_put_string(text, "final", latent->final ? "1" : NULL);
  tae_tap_put_string(text, "prompt", latent->prompt);
}

static inline void tae_tap_put_tensor(tae_tap_text* text,
                                      const tae_tap_latent* latent) {
  char part[64];
  int i;
  tae_tap_put(text, "},\"latent\":{\"dtype\":\"");
  tae_tap_put(text, latent->dtype);
  tae_tap_put(text, "\",\"shape\":[");
  for (i = 0; i < latent->n_dims; ++i) {
    snprintf(part, sizeof(part), "%s%lld", i ? "," : "",
             (long long)latent->dims[i]);
    tae_tap_put(text, part);
  }
  snprintf(part, sizeof(part), "],\"data_offsets\":[0,%llu]}}",
           (unsigned long long)latent->size);
  tae_tap_put(text, part);
  while (text->size % 8) tae_tap_put(text, " ");
}

/* Whether data, dtype and dims agree. */
static inline int tae_tap_is_sound(const tae_tap_latent* latent) {
  uint64_t left = latent->size;
  int i;
  if (!latent->data || !latent->dtype || latent->n_dims < 1 ||
      latent->n_dims > 5)
    return 0;
  if (strcmp(latent->dtype, "F32") == 0)
    left = left % 4 ? 0 : left / 4;
  else if (strcmp(latent->dtype, "F16") == 0 ||
           strcmp(latent->dtype, "BF16") == 0)
    left = left % 2 ? 0 : left / 2;
  else
    return 0;
  for (i = 0; i < latent->n_dims; ++i) {
    if (latent->dims[i] < 1 || left % (uint64_t)latent->dims[i]) return 0;
    left /= (uint64_t)latent->dims[i];
  }
  return left == 1;
}

/* A whole message; NULL when the latent contradicts itself or memory is out. */
static inline tae_tap_message* tae_tap_encode(const tae_tap_latent* latent) {
  /* An escaped character takes six bytes; 1024 are for all but the strings. */
  const size_t room = 1024 + 6 * (size_t)kTaeTapTextRoom * 6;
  tae_tap_text text;
  tae_tap_message* message;
  int i;
  if (!tae_tap_is_sound(latent)) return NULL;
  text.bytes = (char*)malloc(room);
  text.size = 0, text.room = room;
  if (!text.bytes) return NULL;
  tae_tap_put_metadata(&text, latent);
  tae_tap_put_tensor(&text, latent);
  message = (tae_tap_message*)malloc(sizeof(tae_tap_message) + 8 + text.size +
                                     latent->size);
  if (message) {
    message->next = NULL;
    message->final = latent->final;
    message->size = 8 + text.size + latent->size;
    for (i = 0; i < 8; ++i)
      message->bytes[i] = (char)(((uint64_t)text.size >> (8 * i)) & 0xFF);
    memcpy(message->bytes + 8, text.bytes, text.size);
    memcpy(message->bytes + 8 + text.size, latent->data, latent->size);
  }
  free(text.bytes);
  return message;
}

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* TAE_TAP_MESSAGE_H */
