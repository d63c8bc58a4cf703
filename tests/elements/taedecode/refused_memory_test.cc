// Allocations of C++ are refused in turn while a file is decoded: the pipeline
// shows the picture or posts an error, and neither ends the program nor hangs.
#include "support/refused_memory.h"

#include <gst/gst.h>
#include <gtest/gtest.h>

#include <string>

#include "support/latent_bytes.h"
#include "support/patience.h"
#include "support/temp_folder.h"

namespace {

enum class End { kPicture, kError, kNothing };

// Plays this file to the end or an error; the allocation number `n` from here
// is refused, none where that is negative.
End Play(const std::string& path, long n) {
  GstElement* pipeline = gst_parse_launch(
      "latentsrc name=source ! taedecode n-threads=2 ! "
      "fakesink name=sink sync=false",
      nullptr);
  GstElement* source = gst_bin_get_by_name(GST_BIN(pipeline), "source");
  GstElement* sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
  GstBus* bus = gst_element_get_bus(pipeline);
  until_refused = n;
  g_object_set(source, "location", path.c_str(), nullptr);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstMessage* message = gst_bus_timed_pop_filtered(
      bus, tae_test::kPatience,
      GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  End end = End::kNothing;
  if (message != nullptr)
    end = GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR ? End::kError
                                                         : End::kPicture;
  if (end == End::kPicture) {
    GstSample* sample = nullptr;
    g_object_get(sink, "last-sample", &sample, nullptr);
    if (sample == nullptr) end = End::kNothing;
    if (sample != nullptr) gst_sample_unref(sample);
  }
  gst_clear_message(&message);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(bus);
  gst_object_unref(source);
  gst_object_unref(sink);
  gst_object_unref(pipeline);
  return end;
}

TEST(RefusedMemory, EndsNoPipeline) {
  const tae::TempFolder folder;
  const std::string bytes = tae::testing::Safetensors(
      R"({"__metadata__":{"variant":"flux2","final":"true"},)"
      R"("latent":{"dtype":"F16","shape":[1,32,2,2],"data_offsets":[0,256]}})",
      std::string(256, '\x30'));
  const std::string path =
      folder.Write("one.safetensors", {bytes.begin(), bytes.end()});
  ASSERT_EQ(Play(path, -1), End::kPicture);  // loads what stays loaded
  int errors = 0, pictures = 0;
  for (long n = 0;; n += n < 200 ? 1 : 1 + n / 50) {
    const End end = Play(path, n);
    const bool refused = until_refused.exchange(-1) < 0;
    EXPECT_NE(end, End::kNothing) << "allocation " << n;
    if (!refused) break;
    (end == End::kError ? errors : pictures) += 1;
  }
  EXPECT_GT(errors, 10);
  RecordProperty("errors", errors);
  RecordProperty("pictures", pictures);
  EXPECT_EQ(Play(path, -1), End::kPicture);
}

}  // namespace
