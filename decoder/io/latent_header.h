// The start of a message -> LatentHeader, for one message or a whole file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "io/safetensors_json.h"
#include "tae/latent_stream.h"

namespace tae {

// Bytes of one scalar.
uint64_t SizeOf(StoredType stored);

// The JSON of the safetensors message at `bytes`, and where its data begins.
struct StreamPrefix {
  SafetensorsJson json;
  uint64_t data_begin = 0;
};

// As ReadLatentHeader, without choosing a tensor. The payload limit holds.
StatusOr<std::optional<StreamPrefix>> ReadStreamPrefix(
    const uint8_t* bytes, size_t size, const LatentLimits& limits,
    uint64_t* needed);

// One tensor of the message as a latent. Errors: kUnsupported (its dtype).
StatusOr<LatentHeader> HeaderOfTensor(const StreamPrefix& prefix,
                                      const SafetensorsEntry& entry);

// The tensor that is the latent: x0, latent, latent_tensor, else the only one.
// kUnsupported says what the file is instead.
StatusOr<const SafetensorsEntry*> ChooseLatent(const SafetensorsJson& json);

}  // namespace tae
