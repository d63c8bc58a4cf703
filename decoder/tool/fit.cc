// `tae fit`: a linear projection for a space, from a decoder's pictures or from
// pictures that lie beside the latents.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/half.h"
#include "tae/decoder.h"
#include "tae/latent_stream.h"
#include "tae/variant.h"
#include "tool/arguments.h"
#include "tool/commands.h"
#include "tool/compare.h"
#include "tool/golden.h"
#include "tool/normal_equations.h"
#include "tool/open_model.h"

namespace tae::tool {
namespace {

constexpr Option kOptions[] = {{"-o"},       {"--model"},   {"--variant"},
                               {"--window"}, {"--colours"}, {"--held"},
                               {"--threads"}};

// One latent and what it should look like.
struct Pair {
  LatentView latent;
  std::vector<float> picture;  // [3][height][width], 0..1
  int side = 8;                // pixels a latent pixel
};

using Visit = std::function<Status(const Pair&)>;

// Pictures by a decoder, or as stored.
class PairReader {
 public:
  PairReader(std::shared_ptr<const Model> model,
             std::shared_ptr<ParallelFor> parallel)
      : model_(std::move(model)), parallel_(std::move(parallel)) {}

  Status Read(const std::string& path, const Visit& visit) const {
    if (model_ == nullptr) return ReadStored(path, visit);
    const auto file = ReadLatentFile(path, {});
    if (!file.ok()) return file.status();
    Decoder decoder(model_, {.parallel = parallel_});
    for (const LatentMessage& message : file->messages) {
      const StatusOr<LatentView> view = message.View();
      if (!view.ok()) return view.status();
      Pair pair{.latent = *view, .picture = {}};
      TAE_RETURN_IF_ERROR(Paint(decoder, &pair));
      TAE_RETURN_IF_ERROR(visit(pair));
    }
    return {};
  }

  static Status Paint(Decoder& decoder, Pair* pair) {
    pair->side = GetModelInfo(decoder.model()).pixels_per_latent;
    const int width = pair->latent.extent.width * pair->side;
    const int height = pair->latent.extent.height * pair->side;
    TAE_RETURN_IF_ERROR(
        decoder.Prepare({.latent = pair->latent.extent,
                         .precision = Precision::kF32,
                         .format = PixelFormat::kRgbPlanarF32}));
    pair->picture.resize(size_t(3) * width * height);
    FrameView frame{
        .format = PixelFormat::kRgbPlanarF32, .width = width, .height = height};
    for (int c = 0; c < 3; ++c) {
      frame.plane[c] = pair->picture.data() + size_t(c) * width * height;
      frame.stride[c] = ptrdiff_t{width} * ptrdiff_t(sizeof(float));
    }
    TAE_RETURN_IF_ERROR(decoder.Decode(pair->latent, frame, nullptr));
    for (float& value : pair->picture) value = std::clamp(value, 0.0f, 1.0f);
    return {};
  }

 private:
  static Status ReadStored(const std::string& path, const Visit& visit) {
    StatusOr<Golden> golden = ReadGolden(path);
    if (!golden.ok()) return golden.status();
    const Extent latent = golden->latent.extent, image = golden->image_extent;
    const int side = image.width / latent.width;
    if (side < 1 || image != Extent{latent.height * side, latent.width * side})
      return InvalidArgument(path +
                             ": the picture's sides must be the same "
                             "multiple of the latent's");
    return visit({golden->latent, std::move(golden->image), side});
  }

  const std::shared_ptr<const Model> model_;
  const std::shared_ptr<ParallelFor> parallel_;
};

// [channels][height][width] as floats.
Status Unpacked(const LatentView& view, std::vector<float>* values) {
  if (view.layout != LatentLayout::kNchw)
    return Unsupported("latents to fit must be [1, channels, height, width]");
  values->resize(size_t(view.channels) * view.extent.height *
                 view.extent.width);
  LoadFloats(view.dtype, static_cast<const uint8_t*>(view.data), values->size(),
             values->data());
  for (float& value : *values)
    if (!std::isfinite(value)) value = 0;
  return {};
}

Status WriteTable(const std::string& path, const FitShape& shape,
                  const LinearFit& fit, const std::string& variant) {
  const size_t weights = fit.weight.size() * sizeof(float);
  const size_t biases = fit.bias.size() * sizeof(float);
  nlohmann::ordered_json header;
  header["__metadata__"] = {{"architecture", "linear"}, {"space", variant}};
  header["linear.weight"] = {
      {"dtype", "F32"},
      {"shape", {shape.outputs(), shape.channels, shape.window, shape.window}},
      {"data_offsets", {0, weights}}};
  header["linear.bias"] = {{"dtype", "F32"},
                           {"shape", {shape.outputs()}},
                           {"data_offsets", {weights, weights + biases}}};
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  std::string length(8, 0);
  for (int i = 0; i < 8; ++i)
    length[i] = static_cast<char>(uint64_t{text.size()} >> (8 * i));
  std::ofstream out(path, std::ios::binary);
  out << length << text;
  out.write(reinterpret_cast<const char*>(fit.weight.data()),
            static_cast<std::streamsize>(weights));
  out.write(reinterpret_cast<const char*>(fit.bias.data()),
            static_cast<std::streamsize>(biases));
  out.close();
  if (!out) return Unreadable(path + ": cannot be written");
  return {};
}

struct Request {
  std::shared_ptr<const Model> model;  // null: pictures beside the latents
  std::shared_ptr<ParallelFor> parallel;
  FitShape shape;
  std::string variant;
  std::string out;
  std::vector<std::string> files;
  std::string held;
};

// One of the numbers that an option allows; the first when it is not there.
StatusOr<int> OneOf(const Arguments& arguments, const std::string& option,
                    std::initializer_list<int> allowed) {
  const std::string word = arguments.Value(option);
  if (word.empty()) return *allowed.begin();
  std::string words;
  for (int value : allowed) {
    if (word == std::to_string(value)) return value;
    words += (words.empty() ? "" : ", ") + std::to_string(value);
  }
  return InvalidArgument(option + " takes one of " + words + ", not '" + word +
                         "'");
}

// By the table's name; where none was asked for, what the first picture says.
Status NameVariant(Request* request) {
  if (request->variant.empty())
    if (const auto golden = ReadGolden(request->files.front()); golden.ok())
      request->variant = golden->variant;
  if (request->variant.empty()) return {};
  const VariantInfo* info = FindVariant(request->variant);
  if (info == nullptr) return UnknownVariant(request->variant);
  request->variant = info->name;
  return {};
}

StatusOr<Request> Parse(Words words) {
  const StatusOr<Arguments> arguments = Arguments::Parse(words, kOptions);
  if (!arguments.ok()) return arguments.status();
  Request request;
  request.files = arguments->positional();
  request.out = arguments->Value("-o");
  request.held = arguments->Value("--held");
  request.variant = arguments->Value("--variant");
  if (request.files.empty() || request.out.empty())
    return InvalidArgument("LATENTS and -o TABLE.safetensors are needed");
  const auto threads = ParseThreads(arguments->Value("--threads"));
  if (!threads.ok()) return threads.status();
  request.parallel = MakeThreadPool({.threads = *threads});
  const auto window = OneOf(*arguments, "--window", {1, 3});
  if (!window.ok()) return window.status();
  const auto colours = OneOf(*arguments, "--colours", {1, 2, 4, 8});
  if (!colours.ok()) return colours.status();
  request.shape.window = *window;
  request.shape.colours = *colours;
  if (arguments->Has("--model")) {
    auto model = OpenModel({.variant = request.variant,
                            .model_file = arguments->Value("--model"),
                            .method = Method::kTae});
    if (!model.ok()) return model.status();
    request.model = *std::move(model);
    request.variant = GetModelInfo(*request.model).variant;
    return request;
  }
  TAE_RETURN_IF_ERROR(NameVariant(&request));
  return request;
}

// PSNR of the table's pictures, of each latent.
StatusOr<std::vector<double>> Judge(const std::shared_ptr<const Model>& table,
                                    const PairReader& reader,
                                    const std::vector<std::string>& files) {
  std::vector<double> psnr;
  Decoder decoder(table, {});
  for (const std::string& file : files)
    TAE_RETURN_IF_ERROR(reader.Read(file, [&](const Pair& pair) -> Status {
      Pair painted{.latent = pair.latent, .picture = {}};
      TAE_RETURN_IF_ERROR(PairReader::Paint(decoder, &painted));
      if (painted.picture.size() != pair.picture.size())
        return InvalidArgument(file + ": pictures of another size");
      psnr.push_back(Compare(painted.picture.data(), pair.picture.data(),
                             pair.picture.size())
                         .psnr);
      return {};
    }));
  std::sort(psnr.begin(), psnr.end());
  return psnr;
}

Status PrintJudgement(const std::string& name,
                      const StatusOr<std::vector<double>>& psnr) {
  if (!psnr.ok()) return psnr.status();
  std::printf(
      "%-24s PSNR median %.2f dB, 10th percentile %.2f dB, %zu latents\n",
      name.c_str(), (*psnr)[psnr->size() / 2], (*psnr)[psnr->size() / 10],
      psnr->size());
  return {};
}

}  // namespace

StatusOr<int> Fit(Words words) {
  StatusOr<Request> request = Parse(words);
  if (!request.ok()) return request.status();
  const PairReader reader(request->model, request->parallel);
  std::vector<NormalEquations> equations;  // one, once the channels are known
  std::vector<float> values;
  for (const std::string& file : request->files)
    TAE_RETURN_IF_ERROR(reader.Read(file, [&](const Pair& pair) -> Status {
      TAE_RETURN_IF_ERROR(Unpacked(pair.latent, &values));
      if (equations.empty()) {
        request->shape.channels = pair.latent.channels;
        equations.emplace_back(request->shape);
      }
      if (pair.latent.channels != request->shape.channels)
        return InvalidArgument(file + ": has " +
                               std::to_string(pair.latent.channels) +
                               " channels, those before " +
                               std::to_string(request->shape.channels));
      if (pair.side % request->shape.colours != 0)
        return InvalidArgument("--colours must divide the " +
                               std::to_string(pair.side) +
                               " pixels of a latent pixel");
      return equations[0].Add(values.data(), pair.latent.extent,
                              pair.picture.data(), pair.side);
    }));
  const StatusOr<LinearFit> fit = equations[0].Solve();
  if (!fit.ok()) return fit.status();
  TAE_RETURN_IF_ERROR(
      WriteTable(request->out, request->shape, *fit, request->variant));
  const auto table = LoadModel(request->out, {.variant = request->variant});
  if (!table.ok()) return table.status();
  const std::vector<std::string> judged =
      request->held.empty() ? request->files
                            : std::vector<std::string>{request->held};
  TAE_RETURN_IF_ERROR(
      PrintJudgement(request->out, Judge(*table, reader, judged)));
  const auto published = LinearModel(request->variant);
  if (published.ok())
    TAE_RETURN_IF_ERROR(
        PrintJudgement("published table", Judge(*published, reader, judged)));
  return 0;
}

}  // namespace tae::tool
