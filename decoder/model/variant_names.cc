#include "model/variant_names.h"

#include <algorithm>
#include <vector>

namespace tae {
namespace {

// Longer names are no names.
constexpr size_t kLongest = 160;

// What follows a model's name without changing its latent space: sizes, steps
// of training, tasks and formats. Words that do change it for one of the spaces
// (layers, "refiner", "a14b", "radiance") are not here but in the table.
constexpr std::string_view kQualifiers[] = {"pipeline",
                                            "model",
                                            "diffusers",
                                            "transformer",
                                            "unet",
                                            "vae",
                                            "preview",
                                            "official",
                                            "original",
                                            "dev",
                                            "schnell",
                                            "pro",
                                            "ultra",
                                            "turbo",
                                            "lightning",
                                            "hyper",
                                            "lcm",
                                            "dmd",
                                            "base",
                                            "full",
                                            "fast",
                                            "lite",
                                            "mini",
                                            "small",
                                            "medium",
                                            "large",
                                            "xl",
                                            "hd",
                                            "4k",
                                            "instruct",
                                            "chat",
                                            "distill",
                                            "distilled",
                                            "sprint",
                                            "aesthetic",
                                            "omni",
                                            "fp8",
                                            "bnb",
                                            "4bit",
                                            "8bit",
                                            "q40",
                                            "q41",
                                            "q50",
                                            "q51",
                                            "q80",
                                            "q2k",
                                            "q3ks",
                                            "q3km",
                                            "q4ks",
                                            "q4km",
                                            "q5ks",
                                            "q5km",
                                            "q6k",
                                            "480p",
                                            "720p",
                                            "1080p",
                                            "480",
                                            "720",
                                            "condition",
                                            "v01",
                                            "v02",
                                            "v03",
                                            "01",
                                            "09",
                                            "095",
                                            "096",
                                            "097",
                                            "098",
                                            "fp16",
                                            "fp32",
                                            "bf16",
                                            "int8",
                                            "nf4",
                                            "fp4",
                                            "nvfp4",
                                            "gguf",
                                            "q4",
                                            "q5",
                                            "q8",
                                            "scaled",
                                            "e4m3fn",
                                            "e5m2",
                                            "img2img",
                                            "image2image",
                                            "imagetoimage",
                                            "text2image",
                                            "texttoimage",
                                            "text2img",
                                            "txt2img",
                                            "t2i",
                                            "i2i",
                                            "inpaint",
                                            "inpainting",
                                            "control",
                                            "controlnet",
                                            "union",
                                            "kontext",
                                            "fill",
                                            "depth",
                                            "canny",
                                            "redux",
                                            "edit",
                                            "editplus",
                                            "plus",
                                            "editing",
                                            "lora",
                                            "ema",
                                            "emaonly",
                                            "pruned",
                                            "nonema",
                                            "safetensors",
                                            "768",
                                            "512",
                                            "1024",
                                            "768px",
                                            "512px",
                                            "1024px",
                                            "2048px",
                                            "2k",
                                            "10",
                                            "1",
                                            "v1",
                                            "v10",
                                            "v11",
                                            "v2",
                                            "2507",
                                            "2509",
                                            "2511",
                                            "2512",
                                            "multilang",
                                            "multilingual",
                                            "kv",
                                            "a14b",
                                            "t2v",
                                            "i2v",
                                            "v2v",
                                            "texttovideo",
                                            "imagetovideo",
                                            "videotovideo",
                                            "ms"};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// "9b", "600m", "1600m": how many parameters.
size_t SizeWord(std::string_view text) {
  size_t digits = 0;
  while (digits < text.size() && IsDigit(text[digits])) ++digits;
  if (digits == 0 || digits == text.size()) return 0;
  return text[digits] == 'b' || text[digits] == 'm' ? digits + 1 : 0;
}

void Replace(std::string_view from, std::string_view to, std::string* text) {
  const size_t at = text->find(from);
  if (at != std::string::npos) text->replace(at, from.size(), to);
}

}  // namespace

std::string FoldName(std::string_view name) {
  while (!name.empty() && name.back() == '/') name.remove_suffix(1);
  name = name.substr(name.rfind('/') + 1);  // npos + 1 is 0
  std::string folded;
  for (const char c : name.substr(0, kLongest)) {
    if (c >= 'A' && c <= 'Z') folded += static_cast<char>(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || IsDigit(c)) folded += c;
  }
  for (const std::string_view prefix : {"comfy", "latentformats", "version"})
    if (folded.size() > prefix.size() && folded.starts_with(prefix))
      folded.erase(0, prefix.size());
  Replace("stablediffusion", "sd", &folded);
  return folded;
}

bool IsQualifier(std::string_view rest) {
  if (rest.empty()) return true;
  if (const size_t size = SizeWord(rest);
      size > 0 && IsQualifier(rest.substr(size)))
    return true;
  for (const std::string_view word : kQualifiers)
    if (rest.starts_with(word) && IsQualifier(rest.substr(word.size())))
      return true;
  return false;
}

int NameDistance(std::string_view name, std::string_view alias) {
  // row[j]: edits from the first i letters of the name to the first j of the
  // alias.
  std::vector<int> row(alias.size() + 1);
  for (size_t j = 0; j < row.size(); ++j) row[j] = static_cast<int>(j);
  const auto score = [&](size_t i) {
    return 100 * row.back() / static_cast<int>(alias.size()) +
           5 * static_cast<int>(name.size() - i);
  };
  int best = score(0);
  for (size_t i = 1; i <= name.size(); ++i) {
    int diagonal = row[0];
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j < row.size(); ++j) {
      const int replaced = diagonal + (name[i - 1] == alias[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
    best = std::min(best, score(i));
  }
  return best;
}

}  // namespace tae
