// `tae decode`: latents of a file to pictures.
#include <charconv>
#include <cstdio>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tae/decoder.h"
#include "tae/doctor.h"
#include "tae/latent_stream.h"
#include "tool/arguments.h"
#include "tool/commands.h"
#include "tool/latents.h"
#include "tool/open_model.h"
#include "tool/picture_file.h"

namespace tae::tool {
namespace {

constexpr Option kOptions[] = {
    {"-o"},          {"--variant"}, {"--model"},   {"--method"}, {"--rung"},
    {"--precision"}, {"--index"},   {"--threads"}, {"--size"},   {"--pred"},
    {"--backend"},   {"--domain"},  {"--layout"}};

// One latent of the file: messages in order, and each one's batch.
struct Place {
  const LatentMessage* message = nullptr;
  int item = 0;
};

size_t CountLatents(const std::vector<LatentMessage>& messages) {
  size_t count = 0;
  for (const LatentMessage& message : messages)
    count += static_cast<size_t>(BatchOf(message.header));
  return count;
}

Place PlaceOf(const std::vector<LatentMessage>& messages, size_t index) {
  for (const LatentMessage& message : messages) {
    const auto batch = static_cast<size_t>(BatchOf(message.header));
    if (index < batch) return {&message, static_cast<int>(index)};
    index -= batch;
  }
  return {};
}

// From the first to the one after the last.
struct Range {
  size_t begin = 0;
  size_t end = 0;
};

// Those that --index asks for, counted from 0; without it the last message's
// first.
StatusOr<Range> Chosen(const std::string& index,
                       const std::vector<LatentMessage>& messages) {
  const size_t count = CountLatents(messages);
  if (index == "all") return Range{0, count};
  if (index.empty()) {
    const int batch = BatchOf(messages.back().header);
    if (batch > 1)
      std::fprintf(stderr,
                   "note: this is a batch of %d latents; --index takes 0 to "
                   "%zu, or all\n",
                   batch, count - 1);
    const size_t first = count - static_cast<size_t>(batch);
    return Range{first, first + 1};
  }
  size_t number = 0;
  const char* end = index.data() + index.size();
  const auto [rest, error] = std::from_chars(index.data(), end, number);
  if (error != std::errc() || rest != end || number >= count)
    return InvalidArgument("--index takes all, or 0 to " +
                           std::to_string(count - 1) + ", not '" + index + "'");
  return Range{number, number + 1};
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

Status NoMemory(const FrameView& frame) {
  return OutOfMemory("no memory for a picture of " +
                     std::to_string(frame.width) + "x" +
                     std::to_string(frame.height) +
                     " pixels; a --rung of less size or --method linear needs "
                     "less");
}

// Decodes one latent after another with the decoder that their space wants.
class Painter {
 public:
  Painter(const Arguments& arguments, Precision precision)
      : arguments_(arguments), precision_(precision) {}

  Status Paint(const Place& place, const std::string& path) {
    const StatusOr<LatentView> view = place.message->View(place.item);
    if (!view.ok()) return view.status();
    TAE_RETURN_IF_ERROR(Open(place.message->header, *view));
    WarnOfAilments(*view, place.message->header);
    return Decode(*view, path);
  }

 private:
  Status Open(const LatentHeader& header, const LatentView& view) {
    const std::string variant = VariantOf(header, view.channels);
    if (decoder_ && variant == variant_) return {};
    variant_ = variant;
    WarnOfGuess(header, view.channels, !arguments_.Value("--model").empty());
    StatusOr<Decoder> decoder = MakeDecoder(arguments_, variant);
    if (!decoder.ok()) return decoder.status();
    decoder_.emplace(*std::move(decoder));
    const auto rung = ParseRung(decoder_->model(), arguments_.Value("--rung"));
    if (!rung.ok()) return rung.status();
    rung_ = *rung;
    return {};
  }

  void WarnOfAilments(const LatentView& view,
                      const LatentHeader& header) const {
    const Diagnosis found = Diagnose(
        view, {.variant = variant_, .noisy = header.description.pred == "x"});
    if (found.ok()) return;
    std::fprintf(stderr, "warning: %s; try %s\n", found.sentence.c_str(),
                 TypedFix(found.fix).c_str());
  }

  Status Decode(const LatentView& latent, const std::string& path) {
    TAE_RETURN_IF_ERROR(decoder_->Prepare({.latent = latent.extent,
                                           .precision = precision_,
                                           .format = PixelFormat::kRgb,
                                           .rung = rung_}));
    const ModelInfo& info = GetModelInfo(decoder_->model());
    const auto rungs = GetRungs(decoder_->model());
    const int scale = info.pixels_per_latent / rungs[size_t(rung_)].downscale;
    FrameView frame{.format = PixelFormat::kRgb,
                    .width = latent.extent.width * scale,
                    .height = latent.extent.height * scale};
    std::vector<uint8_t> pixels;
    try {
      pixels.resize(3 * size_t(frame.width) * size_t(frame.height));
    } catch (const std::bad_alloc&) {
      return NoMemory(frame);
    }
    frame.plane[0] = pixels.data();
    frame.stride[0] = 3 * ptrdiff_t{frame.width};
    DecodeReport report;
    TAE_RETURN_IF_ERROR(decoder_->Decode(latent, frame, &report));
    if (report.nonfinite > 0)
      std::fprintf(stderr,
                   "warning: %lld values are NaN or Inf, decoded as 0\n",
                   static_cast<long long>(report.nonfinite));
    TAE_RETURN_IF_ERROR(
        WritePicture(path, frame.width, frame.height, pixels.data()));
    std::printf("%s: %dx%d, variant %s, %s\n", path.c_str(), frame.width,
                frame.height, info.variant.c_str(), info.architecture.c_str());
    return {};
  }

  const Arguments& arguments_;
  const Precision precision_;
  std::optional<Decoder> decoder_;
  std::string variant_;
  int rung_ = 0;
};

}  // namespace

StatusOr<int> Decode(Words words) {
  const StatusOr<Arguments> arguments = Arguments::Parse(words, kOptions);
  if (!arguments.ok()) return arguments.status();
  const std::string out = arguments->Value("-o");
  if (arguments->positional().size() != 1 || out.empty())
    return InvalidArgument("one FILE and -o OUT.png are needed");
  TAE_RETURN_IF_ERROR(CheckPictureName(out));
  const auto precision = ParsePrecision(arguments->Value("--precision"));
  if (!precision.ok()) return precision.status();
  const std::string& path = arguments->positional().front();
  const auto messages = ReadLatents(path, *arguments);
  if (!messages.ok()) return messages.status();
  const std::string index = arguments->Value("--index");
  const auto chosen = Chosen(index, *messages);
  if (!chosen.ok()) return chosen.status();
  Painter painter(*arguments, *precision);
  const bool many = index == "all" || out.find('%') != out.npos;
  for (size_t i = chosen->begin; i < chosen->end; ++i) {
    const Status status =
        painter.Paint(PlaceOf(*messages, i), many ? NumberedName(out, i) : out);
    if (!status.ok())
      return Status(status.code(), path + ": " + status.message());
  }
  return 0;
}

}  // namespace tae::tool
