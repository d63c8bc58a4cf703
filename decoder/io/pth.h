// Reads what torch.save writes since PyTorch 1.6: a zip of a pickle (names and
// shapes) and of one record per storage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "io/tensor_file.h"
#include "tae/status.h"

namespace tae {

// Of real ones: some kilobytes.
inline constexpr size_t kMaxPickle = size_t{16} << 20;

// State dicts of Half-, BFloat16- and FloatStorage tensors, contiguous, little
// endian, records stored without compression as PyTorch does; tensors of other
// storages are only listed. The result owns copies of the records it uses and
// not `bytes`. `name` is for messages. Errors: kDataLoss, kUnsupported,
// kOutOfMemory.
StatusOr<TensorFile> ParsePth(const std::string& name,
                              std::span<const uint8_t> bytes);

}  // namespace tae
