#include "plan/plan.h"

#include <gtest/gtest.h>

#include "model/architectures.h"

namespace tae {
namespace {

int CountOf(const Plan& plan, StepKind kind) {
  int count = 0;
  for (const Step& step : plan.steps) count += step.kind == kind;
  return count;
}

TEST(PlanTest, FoldsThePoolArchitecture) {
  const StatusOr<Plan> plan =
      CompilePlan(TaesdSpec(32, true), {.latent = {128, 128}});
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  EXPECT_EQ(CountOf(*plan, StepKind::kLoad), 1);
  EXPECT_EQ(CountOf(*plan, StepKind::kConv), 1 + 10 * 3);
  EXPECT_EQ(CountOf(*plan, StepKind::kPool), 3);
  EXPECT_EQ(CountOf(*plan, StepKind::kUpConv), 3);
  EXPECT_EQ(CountOf(*plan, StepKind::kStoreRgb), 1);
  EXPECT_EQ(plan->frame, (Extent{1024, 1024}));
  // 565 GFLOP is the count of the whole decoder at 1024 x 1024, pools apart.
  EXPECT_NEAR(plan->total_flops() * 1e-9, 569, 4);
}

TEST(PlanTest, TensorsLiveFromTheirWriterToTheirLastReader) {
  const StatusOr<Plan> plan =
      CompilePlan(TaesdSpec(16, false), {.latent = {3, 5}});
  ASSERT_TRUE(plan.ok());
  for (size_t i = 0; i < plan->steps.size(); ++i) {
    const Step& step = plan->steps[i];
    for (int tensor : {step.input, step.epilogue.skip}) {
      if (tensor == kNoTensor) continue;
      EXPECT_LT(plan->tensors[tensor].first_step, static_cast<int>(i));
      EXPECT_GE(plan->tensors[tensor].last_step, static_cast<int>(i));
    }
  }
}

TEST(PlanTest, LinearModelIsOneStep) {
  const StatusOr<Plan> plan =
      CompilePlan(LinearSpec(16, 8), {.latent = {4, 6}});
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  ASSERT_EQ(plan->steps.size(), 1u);
  EXPECT_EQ(plan->steps[0].kind, StepKind::kLinearRgb);
}

TEST(PlanTest, SizesOutsideTheLimitsAreRefusedInASentence) {
  for (Extent extent : {Extent{0, 4}, Extent{4, 0}, Extent{-1, -1},
                        Extent{1 << 20, 1 << 20}, Extent{1 << 30, 1 << 30}}) {
    const StatusOr<Plan> plan =
        CompilePlan(TaesdSpec(4, false), {.latent = extent});
    ASSERT_FALSE(plan.ok());
    EXPECT_EQ(plan.status().code(), StatusCode::kInvalidArgument);
    EXPECT_NE(plan.status().message().find("latent size"), std::string::npos);
  }
}

TEST(PlanTest, NetworksThatNoStepDoesAreNamed) {
  ModelSpec spec = TaesdSpec(4, false);
  spec.layers.pop_back();
  EXPECT_EQ(CompilePlan(spec, {.latent = {2, 2}}).status().code(),
            StatusCode::kUnsupported);
  ModelSpec relu{"odd", 4, 8, {{.kind = LayerKind::kRelu}}};
  EXPECT_NE(
      CompilePlan(relu, {.latent = {2, 2}}).status().message().find("layer 0"),
      std::string::npos);
}

TEST(PlanTest, UpsamplingTakesTheReluThatFollowsAndAShuffleEndsThePlan) {
  const StatusOr<Plan> plan = CompilePlan(BuiltinSpec(32), {.latent = {4, 6}});
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  EXPECT_EQ(plan->frame.width, 48);
  const Step& up = plan->steps[plan->steps.size() - 3];
  EXPECT_EQ(up.kind, StepKind::kUpConv);
  EXPECT_TRUE(up.epilogue.relu);
  const Step& last = plan->steps.back();
  EXPECT_EQ(last.kind, StepKind::kShuffle);
  EXPECT_EQ(plan->tensors[last.input].channels, 48);
  EXPECT_EQ(plan->tensors[last.input].last_step,
            static_cast<int>(plan->steps.size()) - 1);
}

TEST(PlanTest, ARungThatIsNotThereIsRefused) {
  for (int rung : {-1, 1})
    EXPECT_EQ(CompilePlan(BuiltinSpec(32), {.latent = {2, 2}, .rung = rung})
                  .status()
                  .code(),
              StatusCode::kInvalidArgument);
}

TEST(PlanTest, AShuffleOfAnotherSizeIsRefused) {
  ModelSpec spec = BuiltinSpec(32);
  spec.layers.back().in_channels = 27;
  const Status status = CompilePlan(spec, {.latent = {2, 2}}).status();
  EXPECT_EQ(status.code(), StatusCode::kUnsupported);
  EXPECT_NE(status.message().find("27"), std::string::npos);
}

TEST(PlanTest, DumpHasALineAStep) {
  const StatusOr<Plan> plan =
      CompilePlan(TaesdSpec(4, false), {.latent = {2, 3}});
  ASSERT_TRUE(plan.ok());
  const std::string text = Dump(*plan, [](int step) {
    return StepNote{"k" + std::to_string(step), size_t(1000 + step)};
  });
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'),
            static_cast<long>(plan->steps.size()) + 1);
  EXPECT_NE(text.find("24x16"), std::string::npos) << text;
  EXPECT_NE(text.find("k7 "), std::string::npos) << text;
}

}  // namespace
}  // namespace tae
