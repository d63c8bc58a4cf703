// `tae decode`: one latent of a file to a PNG.
#include <charconv>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tae/decoder.h"
#include "tae/latent_stream.h"
#include "tool/arguments.h"
#include "tool/commands.h"
#include "tool/latents.h"
#include "tool/open_model.h"
#include "tool/png_file.h"

namespace tae::tool {
namespace {

constexpr Option kOptions[] = {{"-o"},       {"--variant"}, {"--model"},
                               {"--method"}, {"--backend"}, {"--precision"},
                               {"--rung"},   {"--threads"}, {"--index"},
                               {"--domain"}, {"--layout"}};

// The latent asked for by --index, counted from 0; the last one without.
StatusOr<LatentMessage> PickLatent(const std::string& path,
                                   const Arguments& arguments) {
  const std::string index = arguments.Value("--index");
  StatusOr<std::vector<LatentMessage>> all = ReadLatents(path, arguments);
  if (!all.ok()) return all.status();
  if (index.empty()) return std::move(all->back());
  size_t number = 0;
  const char* end = index.data() + index.size();
  const auto [rest, error] = std::from_chars(index.data(), end, number);
  if (error != std::errc() || rest != end || number >= all->size()) {
    return InvalidArgument("--index takes 0 to " +
                           std::to_string(all->size() - 1) + ", not '" + index +
                           "'");
  }
  return std::move((*all)[number]);
}

StatusOr<Decoder> MakeDecoder(const Arguments& arguments,
                              const std::string& variant) {
  const auto method = ParseMethod(arguments.Value("--method"));
  if (!method.ok()) return method.status();
  const auto backend = ParseBackend(arguments.Value("--backend"));
  if (!backend.ok()) return backend.status();
  const auto threads = ParseThreads(arguments.Value("--threads"));
  if (!threads.ok()) return threads.status();
  const auto model = OpenModel({.variant = variant,
                                .model_file = arguments.Value("--model"),
                                .method = *method});
  if (!model.ok()) return model.status();
  return Decoder(*model, {.backend = *backend,
                          .parallel = MakeThreadPool({.threads = *threads}),
                          .cpu = ""});
}

Status DecodeToPng(Decoder& decoder, const LatentView& latent,
                   Precision precision, int rung, const std::string& path) {
  TAE_RETURN_IF_ERROR(decoder.Prepare({.latent = latent.extent,
                                       .precision = precision,
                                       .format = PixelFormat::kRgb,
                                       .rung = rung}));
  const ModelInfo& info = GetModelInfo(decoder.model());
  const int scale =
      info.pixels_per_latent / GetRungs(decoder.model())[rung].downscale;
  FrameView frame{.format = PixelFormat::kRgb,
                  .width = latent.extent.width * scale,
                  .height = latent.extent.height * scale};
  std::vector<uint8_t> pixels(3 * size_t(frame.width) * size_t(frame.height));
  frame.plane[0] = pixels.data();
  frame.stride[0] = 3 * ptrdiff_t{frame.width};
  DecodeReport report;
  TAE_RETURN_IF_ERROR(decoder.Decode(latent, frame, &report));
  if (report.nonfinite > 0) {
    std::fprintf(stderr, "warning: %lld values are NaN or Inf, decoded as 0\n",
                 static_cast<long long>(report.nonfinite));
  }
  TAE_RETURN_IF_ERROR(WritePng(path, frame.width, frame.height, pixels.data()));
  std::printf("%s: %dx%d, variant %s, %s\n", path.c_str(), frame.width,
              frame.height, info.variant.c_str(), info.architecture.c_str());
  return {};
}

}  // namespace

StatusOr<int> Decode(Words words) {
  const StatusOr<Arguments> arguments = Arguments::Parse(words, kOptions);
  if (!arguments.ok()) return arguments.status();
  const std::string out = arguments->Value("-o");
  if (arguments->positional().size() != 1 || out.empty()) {
    return InvalidArgument("one FILE and -o OUT.png are needed");
  }
  const auto precision = ParsePrecision(arguments->Value("--precision"));
  if (!precision.ok()) return precision.status();
  const auto message = PickLatent(arguments->positional().front(), *arguments);
  if (!message.ok()) return message.status();
  const StatusOr<LatentView> view = message->View();
  if (!view.ok()) return view.status();
  const std::string variant = VariantOf(message->header, view->channels);
  StatusOr<Decoder> decoder = MakeDecoder(*arguments, variant);
  if (!decoder.ok()) return decoder.status();
  const auto rung = ParseRung(decoder->model(), arguments->Value("--rung"));
  if (!rung.ok()) return rung.status();
  TAE_RETURN_IF_ERROR(DecodeToPng(*decoder, *view, *precision, *rung, out));
  return 0;
}

}  // namespace tae::tool
