// THE table of latent spaces: to add a model of known layers, add a row. Among
// rows of equally many channels the likeliest comes first.
#include "model/variants.h"

#include <algorithm>
#include <iterator>

#include "model/architectures.h"

namespace tae {
namespace {

constexpr NoiseProcess kVe = NoiseProcess::kVarianceExploding;

constexpr VariantInfo kVariants[] = {
    {.name = "sd",
     .aliases = "sd1,sd15,sd2,sd21",
     .description = "Stable Diffusion 1.x and 2.x",
     .latent_channels = 4,
     .noise = kVe,
     .weights_file = "taesd_decoder.safetensors",
     .weights_url = "https://huggingface.co/madebyollin/taesd/resolve/"
                    "614f76814bbe30edbe2e627ace1c2234c81a2c0e/"
                    "taesd_decoder.safetensors",
     .weights_sha256 = "f0fb51dd10d41c26612c070fa0b52ea0"
                       "215a5ff90792134b4971109dd713c019"},
    {.name = "sdxl",
     .aliases = "kolors,pixart-alpha",
     .description = "SDXL, Kolors, PixArt-alpha",
     .latent_channels = 4,
     .noise = kVe,
     .weights_file = "taesdxl_decoder.safetensors",
     .weights_url = "https://huggingface.co/madebyollin/taesdxl/resolve/"
                    "b20258aaef75ef61e659c1e0f14f251cf0ad153e/"
                    "taesdxl_decoder.safetensors",
     .weights_sha256 = "f6013131e7eb412ef20113f1acc2ea7d"
                       "3e47e53196ca0530fa65d9b61d814b61"},
    {.name = "flux1",
     .aliases = "flux,z-image,zimage,hidream-i1,chroma,lumina2,boogu,longcat,"
                "omnigen2,ovis",
     .description = "FLUX.1, Z-Image, HiDream-I1, Chroma, Lumina 2",
     .latent_channels = 16,
     .weights_file = "taef1_decoder.safetensors",
     .weights_url = "https://huggingface.co/madebyollin/taef1/resolve/"
                    "b1b2d00e9e440cfbf3dedb34266864da86016ceb/"
                    "diffusion_pytorch_model.safetensors",
     .weights_sha256 = "47a6c2bff850da04b267cab70fe3553f"
                       "ef57255eb9a8e76852baa0a87850e54d"},
    {.name = "sd3",
     .aliases = "sd35",
     .description = "Stable Diffusion 3 and 3.5",
     .latent_channels = 16,
     .weights_file = "taesd3_decoder.safetensors",
     .weights_url = "https://huggingface.co/madebyollin/taesd3/resolve/main/"
                    "diffusion_pytorch_model.safetensors",
     .weights_sha256 = "6f79c1397cb9ce1dac363722dbe70147"
                       "aee0ccca75e28338f8482fe515891399"},
    {.name = "flux2",
     .aliases = "flux2-dev,flux2-klein,ernie-image,lens",
     .description = "FLUX.2 dev and klein, ERNIE-Image, Lens",
     .latent_channels = 32,
     .weights_file = "taef2_decoder.pth",
     .weights_url = "https://raw.githubusercontent.com/madebyollin/taesd/main/"
                    "taef2_decoder.pth",
     .weights_sha256 = "0a44a31e1ae59eb9dbf9359d24942fd3"
                       "ef5928162c1800d97a28c61d51be0ab5"},
    {.name = "wan21",
     .aliases = "qwen-image,qwen-image-edit,wan2.2-14b,krea2,anima,"
                "cosmos-predict2,chrono,fibo",
     .description = "Wan 2.1, Wan 2.2 14B, Qwen-Image, Krea 2, Anima",
     .latent_channels = 16},
    {.name = "hunyuan_video",
     .aliases = "hunyuan1,framepack",
     .description = "HunyuanVideo, FramePack",
     .latent_channels = 16},
    {.name = "cogvideox",
     .description = "CogVideoX 2B",
     .latent_channels = 16,
     .noise = kVe},
    {.name = "opensora13",
     .description = "Open-Sora 1.3",
     .latent_channels = 16},
    {.name = "cogview4",
     .aliases = "cogview3",
     .description = "CogView 3 and 4",
     .latent_channels = 16},
    {.name = "cosmos1",
     .aliases = "cosmos1cv8x8x8",
     .description = "Cosmos 1 CV8x8x8",
     .latent_channels = 16,
     .noise = kVe},
    {.name = "stable_cascade_prior",
     .description = "Stable Cascade, stage C",
     .latent_channels = 16,
     .pixels_per_latent = 42,
     .noise = kVe},
    {.name = "sdxl_playground25",
     .aliases = "playground25",
     .description = "Playground 2.5",
     .latent_channels = 4,
     .noise = kVe},
    {.name = "stable_cascade_b",
     .description = "Stable Cascade, stage B",
     .latent_channels = 4,
     .pixels_per_latent = 4,
     .noise = kVe},
    {.name = "sd_x4",
     .description = "Stable Diffusion x4 upscaler",
     .latent_channels = 4,
     .pixels_per_latent = 4,
     .noise = kVe},
    {.name = "ideogram4", .description = "Ideogram 4", .latent_channels = 32},
    {.name = "hunyuan_video15",
     .description = "HunyuanVideo 1.5",
     .latent_channels = 32,
     .pixels_per_latent = 16},
    {.name = "sana",
     .aliases = "dc-ae-f32c32-sana-1.0",
     .description = "Sana",
     .latent_channels = 32,
     .pixels_per_latent = 32},
    {.name = "wan22",
     .aliases = "wan2.2-ti2v-5b",
     .description = "Wan 2.2 TI2V 5B",
     .latent_channels = 48,
     .pixels_per_latent = 16},
    {.name = "qwen_image21",
     .aliases = "qwen-image-2.1",
     .description = "Qwen-Image 2.1",
     .latent_channels = 64,
     .pixels_per_latent = 16},
    {.name = "hunyuan_image21",
     .description = "HunyuanImage 2.1",
     .latent_channels = 64,
     .pixels_per_latent = 32},
    {.name = "minimax_h3",
     .description = "MiniMax H3",
     .latent_channels = 24,
     .pixels_per_latent = 16},
    {.name = "ltx2",
     .aliases = "ltxav,ltx2.3",
     .description = "LTX-2 and LTX-2.3",
     .latent_channels = 128,
     .pixels_per_latent = 32},
    {.name = "ltxv",
     .aliases = "ltx-video",
     .description = "LTX-Video",
     .latent_channels = 128,
     .pixels_per_latent = 32},
    {.name = "mochi1", .description = "Mochi 1", .latent_channels = 12},
    {.name = "rgb",
     .aliases = "chroma-radiance",
     .description = "Pixel space: RGB in -1..1",
     .latent_channels = 3,
     .pixels_per_latent = 1},
};

char Fold(char c) {
  if (c == '_') return '-';
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool SameName(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return Fold(x) == Fold(y); });
}

bool HasAlias(std::string_view aliases, std::string_view name) {
  while (!aliases.empty()) {
    const size_t comma = aliases.find(',');
    if (SameName(aliases.substr(0, comma), name)) return true;
    if (comma == std::string_view::npos) break;
    aliases.remove_prefix(comma + 1);
  }
  return false;
}

}  // namespace

std::span<const VariantInfo> Variants() { return kVariants; }

const VariantInfo* FindVariant(std::string_view name) {
  if (name.empty()) return nullptr;
  for (const VariantInfo& info : kVariants) {
    if (SameName(info.name, name) || HasAlias(info.aliases, name)) {
      return &info;
    }
  }
  return nullptr;
}

std::vector<const VariantInfo*> VariantsWithChannels(int channels) {
  std::vector<const VariantInfo*> found;
  for (const VariantInfo& info : kVariants) {
    if (info.latent_channels == channels) found.push_back(&info);
  }
  return found;
}

std::optional<ModelSpec> ArchitectureOf(std::string_view variant) {
  struct Row {
    std::string_view variant;
    int latent_channels;
    bool with_pool;
  };
  static constexpr Row kRows[] = {{"sd", 4, false},
                                  {"sdxl", 4, false},
                                  {"sd3", 16, false},
                                  {"flux1", 16, false},
                                  {"flux2", 32, true}};
  for (const Row& row : kRows) {
    if (row.variant == variant) {
      return TaesdSpec(row.latent_channels, row.with_pool);
    }
  }
  return std::nullopt;
}

}  // namespace tae
