// THE table of latent spaces and of their names: to add a model of known
// layers, add a row. Among rows of equally many channels the likeliest comes
// first.
//
// An alias is written as people write it; FoldName says what is compared, and
// what only tells models of one space apart (sizes, "turbo", "Pipeline") needs
// no alias. Where a name could mean two spaces it stands for what most people
// run under it: "krea" is Krea 2 (FLUX.1 Krea is "flux1-krea"), "hunyuan" the
// video model (the image model is "hunyuan-image"), "pixart" PixArt-Sigma
// ("pixart-alpha" has the VAE of SD 1), "kandinsky5" its video model, and
// "wan2.2" the 5B model, whose space bears that name (the 14B ones have the
// space of Wan 2.1).
#include "model/variants.h"

#include <algorithm>
#include <climits>
#include <string>

#include "model/architectures.h"
#include "model/variant_names.h"

namespace tae {
namespace {

constexpr NoiseProcess kVe = NoiseProcess::kVarianceExploding;

constexpr VariantInfo kVariants[] = {
    {.name = "sd",
     .aliases = "sd1,sd1x,sd14,sd15,sdv14,sdv15,sd2,sd2x,sd20,sd21,sdv2,"
                "sdv21,stable-diffusion,sd-turbo,pixart-alpha,pixart-alpha-xl-"
                "2,pixart-xl-2,"
                "instruct-pix2pix,latent-consistency-model,animatediff,svd,"
                "stable-video-diffusion,unidiffuser,taesd",
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
     .aliases = "omnigen,kolors,pixart-sigma,pixart-sigma-xl-2,pixart,auraflow,"
                "hunyuandit,hunyuan-dit,"
                "sdxl-refiner,ssd-1b,segmind-vega,koala,illustrious,pony,"
                "noobai,animagine,lumina-next,omnigen1,taesdxl",
     .description = "SDXL, Kolors, PixArt-Sigma",
     .latent_channels = 4,
     .noise = kVe,
     .weights_file = "taesdxl_decoder.safetensors",
     .weights_url = "https://huggingface.co/madebyollin/taesdxl/resolve/"
                    "b20258aaef75ef61e659c1e0f14f251cf0ad153e/"
                    "taesdxl_decoder.safetensors",
     .weights_sha256 = "f6013131e7eb412ef20113f1acc2ea7d"
                       "3e47e53196ca0530fa65d9b61d814b61"},
    {.name = "flux1",
     .aliases = "lumina-2.0,flux,flux1-krea,flux-krea,flux-control,z-image,"
                "hidream,hidream-image,"
                "hidream-i1,hidream-e1,chroma,chroma1,lumina2,"
                "lumina-image-2.0,boogu,boogu-image,longcat,longcat-image,"
                "omnigen2,ovis,ovis-image,kandinsky5-image,"
                "kandinsky5-t2i,kandinsky5-i2i,glm-image,f-lite,flex1,flex2,"
                "taef1",
     .description = "FLUX.1, Z-Image, HiDream-I1, Chroma, Lumina 2",
     .latent_channels = 16,
     .weights_file = "taef1_decoder.safetensors",
     .weights_url = "https://huggingface.co/madebyollin/taef1/resolve/"
                    "b1b2d00e9e440cfbf3dedb34266864da86016ceb/"
                    "diffusion_pytorch_model.safetensors",
     .weights_sha256 = "47a6c2bff850da04b267cab70fe3553f"
                       "ef57255eb9a8e76852baa0a87850e54d"},
    {.name = "sd3",
     .aliases = "sd3x,sd35,taesd3",
     .description = "Stable Diffusion 3 and 3.5",
     .latent_channels = 16,
     .weights_file = "taesd3_decoder.safetensors",
     .weights_url = "https://huggingface.co/madebyollin/taesd3/resolve/main/"
                    "diffusion_pytorch_model.safetensors",
     .weights_sha256 = "6f79c1397cb9ce1dac363722dbe70147"
                       "aee0ccca75e28338f8482fe515891399"},
    {.name = "flux2",
     .aliases = "flux2-dev,flux2-klein,ernie-image,ernie,lens,taef2",
     .description = "FLUX.2 dev and klein, ERNIE-Image, Lens",
     .latent_channels = 32,
     .weights_file = "taef2_decoder.pth",
     .weights_url = "https://raw.githubusercontent.com/madebyollin/taesd/main/"
                    "taef2_decoder.pth",
     .weights_sha256 = "0a44a31e1ae59eb9dbf9359d24942fd3"
                       "ef5928162c1800d97a28c61d51be0ab5"},
    {.name = "wan21",
     .aliases = "wan-animate,cosmos2.5,cosmos2.5-predict,cosmos-predict2.5,wan,"
                "wan2,wan2x,wan2.2-14b,wan2.2-a14b,wan2.2-t2v,wan2.2-i2v,"
                "wan2.2-s2v,wan2.2-animate,wan2.2-fun,wan2.1-t2v,wan2.1-i2v,"
                "wan-t2v,wan-i2v,wan-image-to-video,wan-vace,wan2.1-vace,"
                "qwen-image,qwen-image-edit,qwen-image-layered,krea,krea2,"
                "anima,cosmos-predict2,cosmos2,chrono,chronoedit,fibo,"
                "bria-fibo,joyimage,skyreels-v2,taew2.1,lighttaew2.1",
     .description = "Wan 2.1, Wan 2.2 14B, Qwen-Image, Krea 2, Anima",
     .latent_channels = 16},
    {.name = "hunyuan_video",
     .aliases = "hunyuan-video-framepack,hunyuan-skyreels,hunyuan,hunyuan1,"
                "kandinsky5,hunyuan-video-1,framepack,skyreels-v1,"
                "kandinsky5-video,kandinsky5-t2v,kandinsky5-i2v,taehv",
     .description = "HunyuanVideo, FramePack",
     .latent_channels = 16},
    {.name = "cogvideox",
     .description = "CogVideoX 2B",
     .latent_channels = 16,
     .noise = kVe},
    {.name = "opensora13",
     .aliases = "opensora,open-sora",
     .description = "Open-Sora 1.3",
     .latent_channels = 16},
    {.name = "cogview4",
     .aliases = "cogview3",
     .description = "CogView 3 and 4",
     .latent_channels = 16},
    {.name = "cosmos1",
     .aliases = "cosmos-text-to-world,cosmos-video-to-world,cosmos,"
                "cosmos1cv8x8x8,cosmos-1.0,cosmos-predict1",
     .description = "Cosmos 1 CV8x8x8",
     .latent_channels = 16,
     .noise = kVe},
    {.name = "stable_cascade_prior",
     .aliases = "sc-prior,stable-cascade-c,stable-cascade-stage-c",
     .description = "Stable Cascade, stage C",
     .latent_channels = 16,
     .pixels_per_latent = 42,
     .noise = kVe},
    {.name = "sdxl_playground25",
     .aliases = "playground25,playground-v2.5",
     .description = "Playground 2.5",
     .latent_channels = 4,
     .noise = kVe},
    {.name = "stable_cascade_b",
     .aliases = "sc-b,stable-cascade-stage-b,stable-cascade-decoder",
     .description = "Stable Cascade, stage B",
     .latent_channels = 4,
     .pixels_per_latent = 4,
     .noise = kVe},
    {.name = "sd_x4",
     .aliases = "sd-x4-upscaler,sd-upscale",
     .description = "Stable Diffusion x4 upscaler",
     .latent_channels = 4,
     .pixels_per_latent = 4,
     .noise = kVe},
    {.name = "ideogram4",
     .aliases = "ideogram",
     .description = "Ideogram 4",
     .latent_channels = 32},
    {.name = "hunyuan_video15",
     .aliases = "hunyuan1.5,lighttaehy1.5",
     .description = "HunyuanVideo 1.5",
     .latent_channels = 32,
     .pixels_per_latent = 16},
    {.name = "sana",
     .aliases = "sana1.5,sana-sprint,sana-pag,dc-ae-f32c32-sana,taesana",
     .description = "Sana",
     .latent_channels = 32,
     .pixels_per_latent = 32},
    {.name = "wan22",
     .aliases = "wan2.2-ti2v,wan2.2-5b,taew2.2",
     .description = "Wan 2.2 TI2V 5B",
     .latent_channels = 48,
     .pixels_per_latent = 16},
    {.name = "qwen_image21",
     .aliases = "qwen-image-2.1,taeqi2.1",
     .description = "Qwen-Image 2.1",
     .latent_channels = 64,
     .pixels_per_latent = 16},
    {.name = "hunyuan_image21",
     .aliases = "hunyuan-image",
     .description = "HunyuanImage 2.1",
     .latent_channels = 64,
     .pixels_per_latent = 32},
    {.name = "minimax_h3",
     .aliases = "minimax,h3,minimax-h3-video,minimax-h3-av,taeh3",
     .description = "MiniMax H3",
     .latent_channels = 24,
     .pixels_per_latent = 16},
    {.name = "ltx2",
     .aliases = "ltxav,ltx2.3,ltx2.5",
     .description = "LTX-2 and LTX-2.3",
     .latent_channels = 128,
     .pixels_per_latent = 32},
    {.name = "ltxv",
     .aliases = "ltx,ltx-video",
     .description = "LTX-Video",
     .latent_channels = 128,
     .pixels_per_latent = 32},
    {.name = "mochi1",
     .aliases = "mochi,mochi-1-preview",
     .description = "Mochi 1",
     .latent_channels = 12},
    {.name = "rgb",
     .aliases = "chroma-radiance,chroma1-radiance,hidream-o1,hidreamo1pixel,"
                "pixeldit,pixelditpixel,z-image-pixel-space,pixel-space",
     .description = "Pixel space: RGB in -1..1",
     .latent_channels = 3,
     .pixels_per_latent = 1},
};

// Calls visit with each name of the space until it answers false.
template <typename Visit>
void VisitNames(const VariantInfo& info, const Visit& visit) {
  if (!visit(info.name)) return;
  std::string_view aliases = info.aliases;
  while (!aliases.empty()) {
    const size_t comma = aliases.find(',');
    if (!visit(aliases.substr(0, comma)) || comma == std::string_view::npos)
      return;
    aliases.remove_prefix(comma + 1);
  }
}

// How many letters of a folded name the space's names explain: all of one of
// them, where only qualifiers follow. 0 = none.
size_t Explained(const VariantInfo& info, std::string_view folded) {
  size_t longest = 0;
  VisitNames(info, [&](std::string_view name) {
    const std::string alias = FoldName(name);
    if (alias.size() > longest && folded.starts_with(alias) &&
        IsQualifier(folded.substr(alias.size())))
      longest = alias.size();
    return true;
  });
  return longest;
}

// The name of a space that comes nearest, and how near.
struct Neighbour {
  const VariantInfo* info = nullptr;
  std::string_view name = {};
  int distance = INT_MAX;
};

Neighbour NearestName(const VariantInfo& info, std::string_view folded) {
  Neighbour nearest{.info = &info};
  VisitNames(info, [&](std::string_view name) {
    const int distance = NameDistance(folded, FoldName(name));
    if (distance < nearest.distance) {
      nearest.distance = distance;
      nearest.name = name;
    }
    return true;
  });
  return nearest;
}

}  // namespace

std::span<const VariantInfo> Variants() { return kVariants; }

const VariantInfo* FindVariant(std::string_view name) {
  // Names come from files and sockets, and each is compared with all of ours.
  constexpr size_t kLongestPath = 4096;
  if (name.size() > kLongestPath) return nullptr;
  const std::string folded = FoldName(name);
  const VariantInfo* best = nullptr;
  size_t longest = 0;
  for (const VariantInfo& info : kVariants) {
    const size_t explained = Explained(info, folded);
    if (explained <= longest) continue;
    longest = explained;
    best = &info;
  }
  return best;
}

Status UnknownVariant(std::string_view name) {
  constexpr size_t kShown = 3, kLongestName = 80;
  name = name.substr(0, kLongestName);
  const std::string folded = FoldName(name);
  std::vector<Neighbour> nearest;
  for (const VariantInfo& info : kVariants)
    nearest.push_back(NearestName(info, folded));
  std::stable_sort(nearest.begin(), nearest.end(),
                   [](const Neighbour& a, const Neighbour& b) {
                     return a.distance < b.distance;
                   });
  std::string list;
  for (size_t i = 0; i < kShown; ++i) {
    list += i == 0 ? "" : i + 1 < kShown ? ", " : " and ";
    list += nearest[i].name;
    if (nearest[i].name != nearest[i].info->name)
      list += " (" + std::string(nearest[i].info->name) + ")";
  }
  return InvalidArgument("there is no variant '" + std::string(name) +
                         "'; the nearest names are " + list +
                         ", and 'tae variants' lists all");
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
