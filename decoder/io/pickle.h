// The part of Python's pickle that PyTorch writes for a state dict. Nothing is
// executed: the few callables it knows are descriptions of tensors.
// Opcodes: CPython Lib/pickletools.py; layout: torch/_utils.py.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tae/status.h"

namespace tae {

// torch._utils._rebuild_tensor_v2 on a storage, not yet compared with any file.
struct PickledTensor {
  std::string name;          // key in the state dict
  std::string storage_type;  // "HalfStorage"
  std::string storage_key;   // the archive's record data/<key>
  int64_t storage_numel = 0;
  int64_t offset = 0;  // elements
  std::vector<int64_t> dims;
  std::vector<int64_t> strides;  // elements
};

// Reads what torch.save writes with protocols 2 to 5.
// Takes a state dict, or a dict that holds one as "state_dict", "model" or by
// another usual name; values that are
// no tensors are passed over. Memory is bounded by the size of the input.
// Errors: kDataLoss (damaged), kUnsupported (any other object or callable, with
// its name).
StatusOr<std::vector<PickledTensor>> ReadStateDict(
    std::span<const uint8_t> pickle);

}  // namespace tae
