/* The C interface of libtae: latents in, pictures out, for C and for every
 * language with a foreign-function interface. It is the only binary interface
 * that stays compatible between releases; the C++ headers beside it may change.
 *
 *   TaeDecoder *decoder;
 *   if (tae_open ("flux2", NULL, 0, &decoder) != TAE_OK)
 *     return fail (tae_last_error ());
 *   tae_prepare (decoder, 64, 64, TAE_PIXEL_RGB, TAE_PRECISION_AUTO);
 *   tae_decode (decoder, latent, latent_size, TAE_DTYPE_F16, TAE_LAYOUT_NCHW,
 *       TAE_DOMAIN_SAMPLER, planes, strides);
 *   tae_close (decoder);
 *
 * Errors: functions that can fail return a TaeStatus; tae_last_error() then
 * gives the sentence. Nothing aborts, prints or throws.
 * Threads: a decoder has one caller at a time, tae_cancel() excepted; different
 * decoders are independent and share the weights of a file.
 * The numbers of all enumerators are fixed; new ones are added at the end.
 */
#ifndef TAE_TAE_H
#define TAE_TAE_H

#include <stddef.h>
#include <stdint.h>

#include "tae/export.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  TAE_OK = 0,
  TAE_INVALID_ARGUMENT = 1, /* the caller asked for something that cannot be */
  TAE_UNSUPPORTED = 2,      /* well-formed, but the library does not do it */
  TAE_NOT_FOUND = 3,        /* a file or a name does not exist */
  TAE_UNREADABLE = 4,       /* a file exists and could not be read */
  TAE_DATA_LOSS = 5,        /* damaged, truncated or hostile bytes */
  TAE_OUT_OF_MEMORY = 6,
  TAE_INTERNAL = 7, /* an error in the library */
  TAE_CANCELLED = 8 /* by tae_cancel(); the picture is not complete */
} TaeStatus;

/* Storage of one scalar, little endian. */
typedef enum {
  TAE_DTYPE_F16 = 0,
  TAE_DTYPE_BF16 = 1,
  TAE_DTYPE_F32 = 2
} TaeDType;

/* Order of a latent's scalars. C, H, W are channels, height and width of the
 * latent; the packed orders hold 2x2 patches, h = H/2, w = W/2. */
typedef enum {
  TAE_LAYOUT_NCHW = 0,        /* [C][H][W] */
  TAE_LAYOUT_NHWC = 1,        /* [H][W][C] */
  TAE_LAYOUT_PACKED = 2,      /* [h*w][4C], FLUX and Qwen tokens */
  TAE_LAYOUT_PACKED_NCHW = 3, /* [4C][h][w], FLUX.2 in ComfyUI */
  TAE_LAYOUT_PACKED_IDEOGRAM4 = 4
} TaeLayout;

/* Latents as the sampler sees them (what diffusion loops hold), or as the full
 * VAE takes them. */
typedef enum { TAE_DOMAIN_SAMPLER = 0, TAE_DOMAIN_VAE = 1 } TaeDomain;

/* Order of the picture's components; names as GStreamer's. */
typedef enum {
  TAE_PIXEL_RGB = 0,           /* one plane, 3 bytes a pixel */
  TAE_PIXEL_BGR = 1,           /* one plane, 3 bytes a pixel */
  TAE_PIXEL_RGBA = 2,          /* one plane, 4 bytes a pixel, alpha 255 */
  TAE_PIXEL_BGRA = 3,          /* one plane, 4 bytes a pixel, alpha 255 */
  TAE_PIXEL_GRAY8 = 4,         /* one plane, BT.709 luma, full range */
  TAE_PIXEL_I420 = 5,          /* three planes, BT.709 limited range */
  TAE_PIXEL_NV12 = 6,          /* two planes, BT.709 limited range */
  TAE_PIXEL_RGB_PLANAR_F32 = 7 /* three planes of floats in [0,1] */
} TaePixelFormat;

typedef enum {
  TAE_PRECISION_AUTO = 0, /* the fastest of the grade of 16-bit floats */
  TAE_PRECISION_F16 = 1,
  TAE_PRECISION_F32 = 2,
  TAE_PRECISION_INT8 = 3
} TaePrecision;

typedef struct TaeDecoder TaeDecoder;

/* The version of this interface, 1. It grows when functions are added. */
TAE_EXPORT int tae_abi_version(void);

/* The sentence of the last error of the calling thread, "" before the first.
 * Valid until the thread's next call into this interface. Never NULL. */
TAE_EXPORT const char *tae_last_error(void);

/* The name of latent space `index`, counted from 0 ("flux2", "sdxl"...); NULL
 * behind the last. Valid as long as the process. */
TAE_EXPORT const char *tae_variant_name(int index);

/* Opens the decoder of a latent space.
 * variant: any name of the space ("flux2", "FLUX.1-dev"), or NULL where the
 *   weights file tells it.
 * weights: path of a .safetensors or .pth decoder; NULL: the search path of the
 *   user ($TAE_MODEL_PATH, the data folders), then the built-in decoder of the
 *   space, then its linear projection; tae_note() says which.
 * threads: 0 = as many as there are CPUs for this process; else 1 to 1024.
 * *decoder: owned by the caller, closed with tae_close(); NULL after an error.
 */
TAE_EXPORT TaeStatus tae_open(const char *variant, const char *weights,
                              int threads, TaeDecoder **decoder);

/* Closes a decoder; NULL is allowed. */
TAE_EXPORT void tae_close(TaeDecoder *decoder);

/* What a person should know of the open decoder, a sentence each line: that a
 * cheaper decoder stands in for missing weights, that a file is unknown. ""
 * where there is nothing. Valid until tae_close(). Never NULL. */
TAE_EXPORT const char *tae_note(const TaeDecoder *decoder);

/* Channels of a latent, and pixels of the picture per latent pixel, each way.
 * 0 for NULL. */
TAE_EXPORT int tae_channels(const TaeDecoder *decoder);
TAE_EXPORT int tae_scale(const TaeDecoder *decoder);

/* Compiles the plan for latents of height x width and allocates all that
 * decoding needs; a recent shape is taken from a cache. The picture has
 * height * tae_scale() rows of width * tae_scale() pixels. */
TAE_EXPORT TaeStatus tae_prepare(TaeDecoder *decoder, int latent_height,
                                 int latent_width, TaePixelFormat format,
                                 TaePrecision precision);

/* Decodes one latent of the prepared shape into the caller's planes; allocates
 * nothing.
 * latent, size: one latent and its size in bytes, contiguous; any alignment.
 * planes, strides: as many as the format has planes; strides in bytes. */
TAE_EXPORT TaeStatus tae_decode(TaeDecoder *decoder, const void *latent,
                                size_t size, TaeDType dtype, TaeLayout layout,
                                TaeDomain domain, void *const *planes,
                                const ptrdiff_t *strides);

/* NaN or Inf scalars in the latent decoded last (they are decoded as 0). */
TAE_EXPORT int64_t tae_nonfinite(const TaeDecoder *decoder);

/* Makes the decode in progress, if there is one, give up within a small part of
 * a step and return TAE_CANCELLED. Decodes that begin afterwards run. Any
 * thread. */
TAE_EXPORT void tae_cancel(TaeDecoder *decoder);

#ifdef __cplusplus
}
#endif
#endif /* TAE_TAE_H */
