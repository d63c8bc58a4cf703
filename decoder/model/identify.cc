// The published files. Hashes: as pinned by the projects that ship them
// (IonDen/mlx-taef, Wan2GP, sglang), or taken from the files themselves.
#include "model/identify.h"

#include <sys/types.h>
// sha2.h uses the types above without including them.
#include <sha2.h>

#include <array>

namespace tae {
namespace {

constexpr KnownFile kKnownFiles[] = {
    {"f0fb51dd10d41c26612c070fa0b52ea0215a5ff90792134b4971109dd713c019", "sd",
     "taesd_decoder.safetensors", "TAESD decoder"},
    {"db169d69145ec4ff064e49d99c95fa05d3eb04ee453de35824a6d0f325513549", "sd",
     "diffusion_pytorch_model.safetensors", "TAESD, diffusers"},
    {"f6013131e7eb412ef20113f1acc2ea7d3e47e53196ca0530fa65d9b61d814b61", "sdxl",
     "taesdxl_decoder.safetensors", "TAESDXL decoder"},
    {"ff4824aca94dd6111e0340fa749347fb74101060d9712cb5ef1ca8f1cf17502f", "sdxl",
     "diffusion_pytorch_model.safetensors", "TAESDXL, diffusers"},
    {"6f79c1397cb9ce1dac363722dbe70147aee0ccca75e28338f8482fe515891399", "sd3",
     "diffusion_pytorch_model.safetensors", "TAESD3, diffusers"},
    {"47a6c2bff850da04b267cab70fe3553fef57255eb9a8e76852baa0a87850e54d",
     "flux1", "diffusion_pytorch_model.safetensors", "TAEF1, diffusers"},
    {"927f7de7f11bbd3b2d5ce402e608d97a7649e0921a9601995b044e8efc81e449",
     "flux1", "diffusion_pytorch_model.safetensors",
     "TAEF1, diffusers, older revision"},
    {"beae86f2eeaf0cea884dc8ffe639fb297dac8c984441bb53420f07d767785104",
     "flux1", "taef1_decoder.pth", "TAEF1 decoder"},
    {"0a44a31e1ae59eb9dbf9359d24942fd3ef5928162c1800d97a28c61d51be0ab5",
     "flux2", "taef2_decoder.pth", "TAEF2 decoder"},
    {"926bce74218b2a9b259b3eb3604ae1eda4eb3421c18fd42c24824f15f939f7d3",
     "flux2", "taef2_decoder.safetensors", "TAEF2 decoder"},
    {"475253bb501e7f08112044dac6e20a2daa1dc6cf53c6d436087cc9140bb9806a",
     "flux2", "taef2.safetensors", "TAEF2, encoder and decoder"},
    {"10a4e1021e89d7551eaf161352da8dbd0b1aa83872ae28b150c1df1ce2f147b6",
     "flux2", "taef2_encoder.pth", "TAEF2 encoder"},
    {"53c2212f4ea6c8ad06a30d4969d891f80339ff87bb3f77fe793848613d3a9042",
     "qwen_image21", "taeqi2_1_decoder.pth", "TAEQI2.1 decoder"},
    {"04766eac0221b5390b985ae3fdcca652cbb4b1e8b82b28ea7ff89dfad1b1a93f",
     "wan21", "taew2_1.safetensors", "TAEW2.1"},
    {"b84609b2a133d48434bd9636bfcb44bf05168dc436e2d3cecf26256faa1f5325",
     "wan22", "taew2_2.safetensors", "TAEW2.2"},
    {"032ad4ddc689513287ce02fcc099b5278592526ed1eac0324a7fab94bb690ed9",
     "hunyuan_video", "taehv.safetensors", "TAEHV"},
    {"3866076f74b50087d5ba4d145191480ad51a08a316c8e95a7233284945cfc26e",
     "hunyuan_video", "taehv.pth", "TAEHV"},
    {"b52e245bb86c62e159f50338e2e8f422d4b6f98b467164939c1c031c7d61352e",
     "hunyuan_video15", "taehv1_5.safetensors", "TAEHV 1.5"},
    {"6e4cc0469134213d0101a46877ea2bce1dc7cf06ff5f5aefb9e4076c03542f7b", "ltx2",
     "taeltx_2.safetensors", "TAELTX 2"},
    {"f0773b4e3e57318e6aa4dd4a35e1d16213a5f160fbc0376163f06888bbcbe246", "ltx2",
     "taeltx2_3.safetensors", "TAELTX 2.3"},
    {"af92965c2d7986a89a757e7cccd26f9eeeff0c3f0d5495eb168aeb2d6d9be9ba",
     "minimax_h3", "taeh3.pth", "TAEH3"},
    // As ComfyUI ships them: the published networks rounded to bfloat16.
    {"d903e7cc3ae58f21d985a3498a841fa8b230edccff7ac5d27607b0c557945c6f", "sd",
     "taesd_decoder.safetensors", "TAESD decoder, ComfyUI"},
    {"a6b8c0fda4aad50784e543389e0239c72c5e31e9775c9e612ea8333bf3a77dcb", "sd",
     "taesd_encoder.safetensors", "TAESD encoder, ComfyUI"},
    {"ae5256b046b01d577279ed93a55bbb1fb2689e55aa14cfc0f7f841e0160202a5", "sdxl",
     "taesdxl_decoder.safetensors", "TAESDXL decoder, ComfyUI"},
    {"3d78013286676a1a51074831230f90972e573698fe4b11416d6f28e0cd5bbe7e", "sdxl",
     "taesdxl_encoder.safetensors", "TAESDXL encoder, ComfyUI"},
    {"e940e227e2a41919f0735ec423129724666f8b949c8bbce7a04b78ecfb4667de", "sd3",
     "taesd3_decoder.safetensors", "TAESD3 decoder, ComfyUI"},
    {"e5c96f3476bd26fe73e96d701a694f40d7ab48a290494cbbf70a3697d09cab4a", "sd3",
     "taesd3_encoder.safetensors", "TAESD3 encoder, ComfyUI"},
    {"bb41500b646d5b8b592b7f3ca5d20d888c3075e209d178d99af609cd7e02a1d4",
     "flux1", "taef1_decoder.safetensors", "TAEF1 decoder, ComfyUI"},
    {"19f5a854ce575fd0a1c0a52938410cf5fb4dc4b8ae71c8887533646d8fe47030",
     "flux1", "taef1_encoder.safetensors", "TAEF1 encoder, ComfyUI"},
};

std::string_view BaseName(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace

std::string Sha256Hex(std::span<const uint8_t> bytes) {
  SHA2_CTX context;
  SHA256Init(&context);
  if (!bytes.empty()) SHA256Update(&context, bytes.data(), bytes.size());
  std::array<uint8_t, SHA256_DIGEST_LENGTH> digest;
  SHA256Final(digest.data(), &context);
  std::string hex;
  for (const uint8_t byte : digest) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

const KnownFile* FindKnownFile(std::string_view sha256) {
  for (const KnownFile& known : kKnownFiles) {
    if (known.sha256 == sha256) return &known;
  }
  return nullptr;
}

std::string IdentityWarning(const std::string& path, std::string_view sha256) {
  if (FindKnownFile(sha256) != nullptr) return "";
  const std::string hash = " (sha256 " + std::string(sha256) + ")";
  for (const KnownFile& known : kKnownFiles) {
    // Every diffusers repository calls its file the same; that says nothing.
    if (known.file == BaseName(path) &&
        known.file != "diffusion_pytorch_model.safetensors") {
      return path + ": has the name of the published " +
             std::string(known.identity) + " and other content" + hash +
             ": another version, or a different build of it";
    }
  }
  return path + ": is none of the published files" + hash +
         "; colours may be wrong if it belongs to another latent space";
}

}  // namespace tae
