// A known projection is found again from the pictures that it makes.
#include "tool/normal_equations.h"

#include <gtest/gtest.h>

#include <random>

#include "exec/blas_library.h"

namespace tae::tool {
namespace {

constexpr int kSide = 8;

struct Case {
  FitShape shape;
  LinearFit truth;
};

Case MakeCase(int window, int colours, std::mt19937& random) {
  std::normal_distribution<float> normal;
  Case made{.shape = {.channels = 3, .window = window, .colours = colours},
            .truth = {}};
  const int inputs = made.shape.inputs() - 1;
  for (int i = 0; i < made.shape.outputs() * inputs; ++i)
    made.truth.weight.push_back(0.1f * normal(random));
  for (int i = 0; i < made.shape.outputs(); ++i)
    made.truth.bias.push_back(0.5f + 0.1f * normal(random));
  return made;
}

// Output o at latent pixel (y, x), by the definition.
float Output(const Case& c, const std::vector<float>& latent, Extent extent,
             int o, int y, int x) {
  const int window = c.shape.window;
  float sum = c.truth.bias[o];
  const float* weight =
      c.truth.weight.data() + size_t(o) * c.shape.channels * window * window;
  for (int k = 0; k < c.shape.channels; ++k)
    for (int dy = 0; dy < window; ++dy)
      for (int dx = 0; dx < window; ++dx, ++weight) {
        const int sy = y + dy - window / 2, sx = x + dx - window / 2;
        if (sy >= 0 && sx >= 0 && sy < extent.height && sx < extent.width)
          sum += *weight *
                 latent[(size_t(k) * extent.height + sy) * extent.width + sx];
      }
  return sum;
}

std::vector<float> Paint(const Case& c, const std::vector<float>& latent,
                         Extent extent) {
  const int colours = c.shape.colours, square = kSide / colours;
  std::vector<float> picture;
  for (int colour = 0; colour < 3; ++colour)
    for (int y = 0; y < extent.height * kSide; ++y)
      for (int x = 0; x < extent.width * kSide; ++x) {
        const int o = (colour * colours + y % kSide / square) * colours +
                      x % kSide / square;
        picture.push_back(Output(c, latent, extent, o, y / kSide, x / kSide));
      }
  return picture;
}

TEST(NormalEquationsTest, AKnownProjectionIsFoundAgain) {
  if (!BlasLibrary::Get().ok()) GTEST_SKIP() << "no OpenBLAS here";
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  for (int window : {1, 3})
    for (int colours : {1, 2}) {
      const Case c = MakeCase(window, colours, random);
      NormalEquations equations(c.shape);
      for (Extent extent : {Extent{9, 14}, Extent{5, 5}, Extent{16, 8}}) {
        std::vector<float> latent(size_t(3) * extent.height * extent.width);
        for (float& value : latent) value = normal(random);
        const auto picture = Paint(c, latent, extent);
        ASSERT_TRUE(
            equations.Add(latent.data(), extent, picture.data(), kSide).ok());
      }
      const auto fit = equations.Solve();
      ASSERT_TRUE(fit.ok()) << fit.status().message();
      ASSERT_EQ(fit->weight.size(), c.truth.weight.size());
      for (size_t i = 0; i < fit->weight.size(); ++i)
        EXPECT_NEAR(fit->weight[i], c.truth.weight[i], 1e-3);
      for (size_t i = 0; i < fit->bias.size(); ++i)
        EXPECT_NEAR(fit->bias[i], c.truth.bias[i], 1e-3);
    }
}

TEST(NormalEquationsTest, NothingToFitIsSaid) {
  if (!BlasLibrary::Get().ok()) GTEST_SKIP() << "no OpenBLAS here";
  const NormalEquations equations({.channels = 4});
  EXPECT_EQ(equations.Solve().status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tae::tool
