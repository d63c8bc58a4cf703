// TAE_EXPORT marks what the shared library makes visible; all else is hidden.
#pragma once

#if defined(__GNUC__)
#define TAE_EXPORT __attribute__((visibility("default")))
#else
#define TAE_EXPORT
#endif
