// File descriptors: GLib ends a program that has none left, so what may wait is
// refused before.
#pragma once

#include <cstddef>

namespace preview {

// As many as the system lets this program have.
void RaiseDescriptorLimit();

// How many more can be opened.
size_t FreeDescriptors();

// Whether `wanted` can be opened, and enough are left for the pictures.
bool EnoughDescriptors(size_t wanted);

}  // namespace preview
