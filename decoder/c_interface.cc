// tae/tae.h over the C++ library: checks what C cannot, and turns everything
// that can go wrong into a TaeStatus and a sentence.
#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "base/pixel_format.h"
#include "tae/decoder.h"
#include "tae/open_best.h"
#include "tae/parallel.h"
#include "tae/tae.h"
#include "tae/variant.h"

struct TaeDecoder {
  TaeDecoder(const tae::OpenedModel& opened, int threads,
             std::shared_ptr<std::atomic<bool>> cancel_flag)
      : cancel(std::move(cancel_flag)),
        info(tae::GetModelInfo(*opened.model)),
        decoder(opened.model,
                {.parallel = tae::MakeThreadPool({.threads = threads}),
                 .cancel = cancel}) {}

  std::shared_ptr<std::atomic<bool>> cancel;
  tae::ModelInfo info;
  tae::Decoder decoder;
  std::string note;
  std::optional<tae::PlanKey> prepared;
  int64_t nonfinite = 0;
};

namespace {

constexpr int kMaxThreads = 1024;

std::string& LastError() {
  thread_local std::string message;
  return message;
}

TaeStatus Fail(TaeStatus status, const char* message) noexcept {
  try {
    LastError() = message;
  } catch (const std::exception&) {
    LastError().clear();  // the status alone has to tell
  }
  return status;
}

TaeStatus CodeOf(tae::StatusCode code) {
  switch (code) {
    case tae::StatusCode::kOk:
      return TAE_OK;
    case tae::StatusCode::kInvalidArgument:
      return TAE_INVALID_ARGUMENT;
    case tae::StatusCode::kUnsupported:
      return TAE_UNSUPPORTED;
    case tae::StatusCode::kNotFound:
      return TAE_NOT_FOUND;
    case tae::StatusCode::kUnreadable:
      return TAE_UNREADABLE;
    case tae::StatusCode::kDataLoss:
      return TAE_DATA_LOSS;
    case tae::StatusCode::kOutOfMemory:
      return TAE_OUT_OF_MEMORY;
    case tae::StatusCode::kInternal:
      return TAE_INTERNAL;
  }
  return TAE_INTERNAL;
}

// Runs what returns a tae::Status; no exception leaves.
template <typename Function>
TaeStatus Guarded(Function function) noexcept {
  try {
    const tae::Status status = function();
    if (status.ok()) return TAE_OK;
    return Fail(CodeOf(status.code()), status.message().c_str());
  } catch (const std::bad_alloc&) {
    return Fail(TAE_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception& error) {
    return Fail(TAE_INTERNAL, error.what());
  }
}

// The C++ value that an enumerator of C stands for. C callers may pass any
// number, so that what is in no row is an error.
template <typename To>
struct Row {
  int number;
  To value;
};

constexpr Row<tae::DType> kDTypes[] = {{TAE_DTYPE_F16, tae::DType::kF16},
                                       {TAE_DTYPE_BF16, tae::DType::kBF16},
                                       {TAE_DTYPE_F32, tae::DType::kF32}};
constexpr Row<tae::LatentLayout> kLayouts[] = {
    {TAE_LAYOUT_NCHW, tae::LatentLayout::kNchw},
    {TAE_LAYOUT_NHWC, tae::LatentLayout::kNhwc},
    {TAE_LAYOUT_PACKED, tae::LatentLayout::kPacked},
    {TAE_LAYOUT_PACKED_NCHW, tae::LatentLayout::kPackedNchw},
    {TAE_LAYOUT_PACKED_IDEOGRAM4, tae::LatentLayout::kPackedIdeogram4}};
constexpr Row<tae::LatentDomain> kDomains[] = {
    {TAE_DOMAIN_SAMPLER, tae::LatentDomain::kSampler},
    {TAE_DOMAIN_VAE, tae::LatentDomain::kVae}};
constexpr Row<tae::PixelFormat> kFormats[] = {
    {TAE_PIXEL_RGB, tae::PixelFormat::kRgb},
    {TAE_PIXEL_BGR, tae::PixelFormat::kBgr},
    {TAE_PIXEL_RGBA, tae::PixelFormat::kRgba},
    {TAE_PIXEL_BGRA, tae::PixelFormat::kBgra},
    {TAE_PIXEL_GRAY8, tae::PixelFormat::kGray8},
    {TAE_PIXEL_I420, tae::PixelFormat::kI420},
    {TAE_PIXEL_NV12, tae::PixelFormat::kNv12},
    {TAE_PIXEL_RGB_PLANAR_F32, tae::PixelFormat::kRgbPlanarF32}};
constexpr Row<tae::Precision> kPrecisions[] = {
    {TAE_PRECISION_AUTO, tae::Precision::kAuto},
    {TAE_PRECISION_F16, tae::Precision::kF16},
    {TAE_PRECISION_F32, tae::Precision::kF32},
    {TAE_PRECISION_INT8, tae::Precision::kInt8}};

template <typename To, size_t N>
tae::Status Find(const Row<To> (&rows)[N], int number, const char* type,
                 To* value) {
  for (const Row<To>& row : rows) {
    if (row.number != number) continue;
    *value = row.value;
    return {};
  }
  return tae::InvalidArgument(std::to_string(number) + " is no " + type);
}

tae::Status Open(const char* variant, const char* weights, int threads,
                 TaeDecoder** decoder) {
  if (variant == nullptr && weights == nullptr)
    return tae::InvalidArgument("name a variant or a weights file");
  if (threads < 0 || threads > kMaxThreads)
    return tae::InvalidArgument("threads=" + std::to_string(threads) +
                                " is not in 0.." + std::to_string(kMaxThreads));
  const auto opened = tae::OpenBest(
      {.variant = variant == nullptr ? std::string() : std::string(variant),
       .model_file = weights == nullptr ? std::string() : weights});
  if (!opened.ok()) return opened.status();
  auto made = std::make_unique<TaeDecoder>(
      *opened, threads, std::make_shared<std::atomic<bool>>(false));
  made->note = opened->stand_in;
  for (const std::string& warning : opened->warnings)
    made->note += (made->note.empty() ? "" : "\n") + warning;
  *decoder = made.release();
  return {};
}

tae::Status Prepare(TaeDecoder& decoder, tae::Extent latent, int format,
                    int precision) {
  tae::PlanKey key{.latent = latent};
  TAE_RETURN_IF_ERROR(Find(kFormats, format, "TaePixelFormat", &key.format));
  TAE_RETURN_IF_ERROR(
      Find(kPrecisions, precision, "TaePrecision", &key.precision));
  decoder.prepared.reset();
  TAE_RETURN_IF_ERROR(decoder.decoder.Prepare(key));
  decoder.prepared = key;
  return {};
}

// The latent and the frame of a tae_decode() call on a prepared decoder.
struct DecodeArguments {
  tae::LatentView latent;
  tae::FrameView frame;
};

tae::Status CheckDecode(const TaeDecoder& decoder, void* const* planes,
                        const ptrdiff_t* strides, DecodeArguments* arguments) {
  if (!decoder.prepared)
    return tae::InvalidArgument("tae_decode() needs tae_prepare() before it");
  if (planes == nullptr || strides == nullptr)
    return tae::InvalidArgument("planes or strides is NULL");
  const tae::PlanKey& key = *decoder.prepared;
  arguments->latent.channels = decoder.info.latent_channels;
  arguments->latent.extent = key.latent;
  arguments->frame = {
      .format = key.format,
      .width = key.latent.width * decoder.info.pixels_per_latent,
      .height = key.latent.height * decoder.info.pixels_per_latent};
  std::copy_n(planes, tae::InfoOf(key.format).planes, arguments->frame.plane);
  std::copy_n(strides, tae::InfoOf(key.format).planes, arguments->frame.stride);
  return {};
}

}  // namespace

extern "C" {

int tae_abi_version(void) { return 1; }

const char* tae_last_error(void) { return LastError().c_str(); }

const char* tae_variant_name(int index) {
  const auto variants = tae::Variants();
  if (index < 0 || static_cast<size_t>(index) >= variants.size())
    return nullptr;
  return variants[static_cast<size_t>(index)].name.data();  // a literal
}

TaeStatus tae_open(const char* variant, const char* weights, int threads,
                   TaeDecoder** decoder) {
  if (decoder == nullptr) return Fail(TAE_INVALID_ARGUMENT, "decoder is NULL");
  *decoder = nullptr;
  return Guarded([&] { return Open(variant, weights, threads, decoder); });
}

void tae_close(TaeDecoder* decoder) { delete decoder; }

const char* tae_note(const TaeDecoder* decoder) {
  return decoder == nullptr ? "" : decoder->note.c_str();
}

int tae_channels(const TaeDecoder* decoder) {
  return decoder == nullptr ? 0 : decoder->info.latent_channels;
}

int tae_scale(const TaeDecoder* decoder) {
  return decoder == nullptr ? 0 : decoder->info.pixels_per_latent;
}

TaeStatus tae_prepare(TaeDecoder* decoder, int latent_height, int latent_width,
                      TaePixelFormat format, TaePrecision precision) {
  if (decoder == nullptr) return Fail(TAE_INVALID_ARGUMENT, "decoder is NULL");
  return Guarded([&] {
    return Prepare(*decoder, {latent_height, latent_width}, format, precision);
  });
}

TaeStatus tae_decode(TaeDecoder* decoder, const void* latent, size_t size,
                     TaeDType dtype, TaeLayout layout, TaeDomain domain,
                     void* const* planes, const ptrdiff_t* strides) {
  if (decoder == nullptr) return Fail(TAE_INVALID_ARGUMENT, "decoder is NULL");
  tae::DecodeReport report;
  const TaeStatus status = Guarded([&]() -> tae::Status {
    DecodeArguments arguments;
    TAE_RETURN_IF_ERROR(CheckDecode(*decoder, planes, strides, &arguments));
    tae::LatentView& view = arguments.latent;
    view.data = latent;
    view.size = size;
    TAE_RETURN_IF_ERROR(Find(kDTypes, dtype, "TaeDType", &view.dtype));
    TAE_RETURN_IF_ERROR(Find(kLayouts, layout, "TaeLayout", &view.layout));
    TAE_RETURN_IF_ERROR(Find(kDomains, domain, "TaeDomain", &view.domain));
    decoder->cancel->store(false);
    return decoder->decoder.Decode(view, arguments.frame, &report);
  });
  if (status != TAE_OK) return status;
  decoder->nonfinite = report.nonfinite;
  return report.interrupted ? Fail(TAE_CANCELLED, "cancelled by tae_cancel()")
                            : TAE_OK;
}

int64_t tae_nonfinite(const TaeDecoder* decoder) {
  return decoder == nullptr ? 0 : decoder->nonfinite;
}

void tae_cancel(TaeDecoder* decoder) {
  if (decoder != nullptr) decoder->cancel->store(true);
}

}  // extern "C"
