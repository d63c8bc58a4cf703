// `tae quantize`: what 8 bits a number cost the picture.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tae/decoder.h"
#include "tae/latent_stream.h"
#include "tool/arguments.h"
#include "tool/commands.h"
#include "tool/compare.h"
#include "tool/latents.h"
#include "tool/open_model.h"
#include "tool/picture.h"

namespace tae::tool {
namespace {

constexpr Option kOptions[] = {{"--variant"}, {"--domain"}, {"--layout"},
                               {"--size"},    {"--pred"},   {"--model"},
                               {"--method"},  {"--threads"}};

// The latent written with 8 bits and read again.
StatusOr<LatentMessage> Quantised(const LatentView& latent, size_t* bytes) {
  const StatusOr<std::string> written = EncodeLatent8(latent, {});
  if (!written.ok()) return written.status();
  *bytes = written->size();
  LatentStreamReader reader({});
  const StatusOr<size_t> taken = reader.Push(written->data(), written->size());
  if (!taken.ok()) return taken.status();
  std::optional<LatentMessage> message = reader.Pull();
  if (!message) return Internal("the message just written is not complete");
  return *std::move(message);
}

struct Summary {
  double worst = INFINITY;  // PSNR, dB
  int count = 0;
};

Status Measure(const Arguments& arguments, const std::string& path,
               const std::shared_ptr<ParallelFor>& threads, Summary* summary) {
  const auto messages = ReadLatents(path, arguments);
  if (!messages.ok()) return messages.status();
  int number = 0;
  for (const LatentMessage& message : *messages)
    for (int item = 0; item < BatchOf(message.header); ++item) {
      const StatusOr<LatentView> latent = message.View(item);
      if (!latent.ok()) return latent.status();
      const auto request = RequestFor(*latent, message, path, arguments);
      if (!request.ok()) return request.status();
      const auto model = OpenModel(*request);
      if (!model.ok()) return model.status();
      Decoder decoder(*model, {.parallel = threads, .cpu = ""});
      size_t bytes = 0;
      const auto small = Quantised(*latent, &bytes);
      if (!small.ok()) return small.status();
      const auto before = Picture(decoder, *latent);
      if (!before.ok()) return before.status();
      const auto after = Picture(decoder, *small->View());
      if (!after.ok()) return after.status();
      const Difference difference =
          Compare(after->data(), before->data(), before->size());
      std::printf("%-36s %4d %9zu %9zu %8.1f %8.4f\n",
                  std::filesystem::path(path).filename().c_str(), ++number,
                  latent->size, bytes, difference.psnr, difference.max_abs);
      summary->worst = std::min(summary->worst, difference.psnr);
      ++summary->count;
    }
  return {};
}

}  // namespace

StatusOr<int> Quantize(Words words) {
  const StatusOr<Arguments> arguments = Arguments::Parse(words, kOptions);
  if (!arguments.ok()) return arguments.status();
  if (arguments->positional().empty())
    return InvalidArgument("name at least one file of latents");
  const auto threads = ParseThreads(arguments->Value("--threads"));
  if (!threads.ok()) return threads.status();
  const std::shared_ptr<ParallelFor> pool =
      MakeThreadPool({.threads = *threads});
  std::printf("%-36s %4s %9s %9s %8s %8s\n", "file", "no", "bytes", "8 bits",
              "PSNR dB", "max");
  Summary summary;
  for (const std::string& path : arguments->positional())
    TAE_RETURN_IF_ERROR(Measure(*arguments, path, pool, &summary));
  std::printf("%d latents, worst %.1f dB\n", summary.count, summary.worst);
  return 0;
}

}  // namespace tae::tool
