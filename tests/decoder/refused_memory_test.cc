// Every allocation of the library is refused in turn: the first, the second and
// so on until one more would have been enough. What comes out is a Status that
// says kOutOfMemory, or the right result where the library can go on.
#include "support/refused_memory.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "io/file_bytes.h"
#include "io/tensor_file.h"
#include "support/latent_bytes.h"
#include "support/pickle_writer.h"
#include "support/safetensors_writer.h"
#include "support/seeded_model.h"
#include "support/seeded_weights.h"
#include "support/temp_folder.h"
#include "tae/decoder.h"
#include "tae/latent_stream.h"

namespace tae {
namespace {

// Runs `action` again and again, each time with one more allocation allowed (or
// with a tenth more, where `every` is false and there are hundreds), until none
// is refused any more. Returns how many runs were refused one.
int RefuseInTurn(const std::function<Status()>& action, bool every = false) {
  int runs = 0;
  for (int n = 0;; n += every ? 1 : 1 + n / 10, ++runs) {
    until_refused = n;
    const Status status = action();
    const bool refused = until_refused.exchange(-1) < 0;
    if (!refused) {
      EXPECT_TRUE(status.ok()) << status.message();
      return runs;
    }
    if (!status.ok()) {
      EXPECT_EQ(status.code(), StatusCode::kOutOfMemory)
          << "allocation " << n << ": " << status.message();
      EXPECT_FALSE(status.message().empty()) << n;
    }
  }
}

class RefusedPrepareTest : public ::testing::TestWithParam<Backend> {};

TEST_P(RefusedPrepareTest, PrepareSaysSo) {
  const std::shared_ptr<ParallelFor> parallel = MakeThreadPool({.threads = 2});
  const auto model = testing::SeededFlux2();
  const testing::SeededLatent latent(32, {2, 3});
  const int refused = RefuseInTurn([&] {
    const long left = until_refused.exchange(-1);
    Decoder decoder(model, {.backend = GetParam(), .parallel = parallel});
    testing::FloatFrame frame(24, 16);
    until_refused = left;
    TAE_RETURN_IF_ERROR(decoder.Prepare(
        {.latent = {2, 3}, .format = PixelFormat::kRgbPlanarF32}));
    return decoder.Decode(latent.view, frame.view, nullptr);
  });
  EXPECT_GT(refused, 10);
  RecordProperty("refused", refused);
}

INSTANTIATE_TEST_SUITE_P(Backends, RefusedPrepareTest,
                         ::testing::Values(Backend::kReference,
                                           Backend::kNative),
                         [](const auto& info) {
                           return info.param == Backend::kReference
                                      ? "reference"
                                      : "native";
                         });

// The sentence that says what does not fit is an allocation itself.
TEST(RefusedMemoryTest, DecodeOfWhatDoesNotFitEndsNothing) {
  Decoder decoder(testing::SeededModel(TaesdSpec(4, false), "test"), {});
  ASSERT_TRUE(decoder.Prepare({.latent = {2, 2}}).ok());
  const testing::SeededLatent latent(4, {3, 2});
  const testing::SeededLatent fits(4, {2, 2});
  const uint8_t changed[3] = {1, 1, 1};
  for (int n = 0; n < 12; ++n) {
    until_refused = n;
    const Status status = decoder.Decode(latent.view, {}, nullptr);
    until_refused = n;
    const Status rows = decoder.DecodeChanged(fits.view, changed, {}, nullptr);
    until_refused = -1;
    EXPECT_FALSE(status.ok());
    EXPECT_FALSE(rows.ok());
    EXPECT_FALSE(status.message().empty());
  }
}

TEST(RefusedMemoryTest, ModelsSaySo) {
  const TempFolder folder;
  const std::string path =
      folder.Write("taesd.safetensors", testing::SeededWeights(4).bytes());
  int refused = RefuseInTurn(
      [&]() -> Status { return LoadModel(path, {.variant = "sd"}).status(); });
  EXPECT_GT(refused, 10);
  refused = RefuseInTurn([] { return LinearModel("flux2").status(); });
  EXPECT_GT(refused, 3);
  refused = RefuseInTurn([] { return BuiltinModel("flux2").status(); });
  EXPECT_GT(refused, 10);
}

// The picture that is drawn without a network, with each allocation refused.
TEST(RefusedMemoryTest, EveryOneOfASmallDecode) {
  const std::shared_ptr<ParallelFor> parallel = MakeThreadPool({.threads = 2});
  const auto model = LinearModel("flux2");
  ASSERT_TRUE(model.ok());
  const testing::SeededLatent latent(32, {2, 2});
  const auto decode = [&] {
    const long left = until_refused.exchange(-1);
    testing::FloatFrame frame(16, 16);
    Decoder decoder(*model, {.parallel = parallel});
    until_refused = left;
    TAE_RETURN_IF_ERROR(decoder.Prepare(
        {.latent = {2, 2}, .format = PixelFormat::kRgbPlanarF32}));
    return decoder.Decode(latent.view, frame.view, nullptr);
  };
  EXPECT_GT(RefuseInTurn(decode, true), 3);
  EXPECT_GT(RefuseInTurn([] { return LinearModel("flux2").status(); }, true),
            3);
}

// Every file format of latents that is read whole.
TEST(RefusedMemoryTest, LatentFilesSaySo) {
  const TempFolder folder;
  const auto write = [&](const std::string& name, const std::string& bytes) {
    return folder.Write(name, {bytes.begin(), bytes.end()});
  };
  const std::string values(96, '\1');
  const std::string npy = testing::Npy(
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 4, 2, 3), }",
      values);
  const std::string message = testing::SmallMessage("1");
  for (const std::string& path :
       {write("one.safetensors", message),
        write("recording.latents", message + testing::SmallMessage("2")),
        write("cut.latents", message + message.substr(0, 20)),
        write("array.npy", npy),
        folder.Write(
            "cache.npz",
            WriteZip({{"latents_2x3.npy", {npy.begin(), npy.end()}}}, true))})
    EXPECT_GT(RefuseInTurn(
                  [&]() -> Status { return ReadLatentFile(path, {}).status(); },
                  true),
              3)
        << path;
}

// Message after message of a stream that arrives in two parts.
TEST(RefusedMemoryTest, StreamsSaySo) {
  const std::string bytes =
      testing::SmallMessage("1") + testing::SmallMessage("2");
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  int messages = 0;
  const auto read = [&]() -> Status {
    messages = 0;
    LatentStreamReader reader({});
    for (size_t begin = 0; begin < bytes.size();) {
      const size_t size = std::min(bytes.size() - begin, size_t(77));
      const auto taken = reader.Push(data + begin, size);
      if (!taken.ok()) return taken.status();
      begin += *taken;
      while (reader.Pull()) ++messages;
    }
    return reader.Finish();
  };
  EXPECT_GT(RefuseInTurn(read, true), 3);
  EXPECT_EQ(messages, 2);
}

// The two file formats of weights, parsed whole.
TEST(RefusedMemoryTest, WeightFilesSaySo) {
  const TempFolder folder;
  const std::vector<uint8_t> pickle =
      PickleWriter()
          .Raw("}(")
          .Text("a")
          .Tensor("HalfStorage", "0", 4, 0, {2, 2}, {2, 1})
          .Raw("u")
          .Done();
  const std::string pth = folder.Write(
      "weights.pth",
      WriteZip({{"m/data.pkl", pickle}, {"m/data/0", {1, 0, 2, 0, 3, 0, 4, 0}}},
               false));
  const std::string message = testing::SmallMessage("1");
  const std::string safetensors =
      folder.Write("weights.safetensors", {message.begin(), message.end()});
  for (const std::string& path : {pth, safetensors}) {
    const auto parse = [&]() -> Status {
      try {
        const auto file = FileBytes::Read(path);
        return file.ok() ? ParseTensorFile(*file).status() : file.status();
      } catch (const std::bad_alloc&) {  // what LoadModel does
        return {StatusCode::kOutOfMemory, "refused"};
      }
    };
    EXPECT_GT(RefuseInTurn(parse, true), 3) << path;
  }
}

}  // namespace
}  // namespace tae
