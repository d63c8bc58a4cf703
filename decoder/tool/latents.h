// The latents of a file, as a command's options want them read.
#pragma once

#include <string>
#include <vector>

#include "tae/latent_stream.h"
#include "tool/arguments.h"

namespace tae::tool {

// All latents of the file. --domain, --layout, --pred, --variant and --size (of
// the picture, for tokens), where they are given, stand in place of what the
// file says; what the reader notes goes to standard error as a warning. Errors:
// as ReadLatentFile, and kInvalidArgument for a value that there is not.
StatusOr<std::vector<LatentMessage>> ReadLatents(const std::string& path,
                                                 const Arguments& arguments);

// The space: as the options or the file say, else the likeliest with this many
// channels; "" where there is none.
std::string VariantOf(const LatentHeader& header, int channels);

// Notes on standard error that the file does not say its space, where the
// number of channels leaves a choice.
void WarnOfGuess(const LatentHeader& header, int channels, bool model_given);

// The doctor's advice as options of this program: "--layout nhwc" for
// "layout=nhwc".
std::string TypedFix(const std::string& fix);

}  // namespace tae::tool
