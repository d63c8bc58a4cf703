#include "tool/normal_equations.h"

#include <cstddef>

#include "exec/blas_library.h"

namespace tae::tool {
namespace {

constexpr double kRidge = 1e-4;

size_t PixelsOf(Extent extent) {
  return size_t(extent.height) * size_t(extent.width);
}

// [inputs][pixels]: each latent pixel's window, zeros outside, and a one.
std::vector<float> Windows(const FitShape& shape, const float* latent,
                           Extent extent) {
  const size_t pixels = PixelsOf(extent);
  std::vector<float> rows(size_t(shape.inputs()) * pixels, 0.0f);
  const int taps = shape.window * shape.window;
  for (int input = 0; input + 1 < shape.inputs(); ++input) {
    const float* plane = latent + size_t(input / taps) * pixels;
    const int dy = input % taps / shape.window - shape.window / 2;
    const int dx = input % shape.window - shape.window / 2;
    float* row = rows.data() + size_t(input) * pixels;
    for (int y = 0; y < extent.height; ++y)
      for (int x = 0; x < extent.width; ++x, ++row)
        if (y + dy >= 0 && y + dy < extent.height && x + dx >= 0 &&
            x + dx < extent.width)
          *row = plane[ptrdiff_t{y + dy} * extent.width + x + dx];
  }
  for (size_t i = 0; i < pixels; ++i) rows[rows.size() - 1 - i] = 1;
  return rows;
}

// [pixels][outputs]: means of the squares of pixels that an output stands for.
std::vector<float> Targets(const FitShape& shape, const float* picture,
                           Extent extent, int side) {
  const int square = side / shape.colours;
  const size_t width = size_t(extent.width) * side;
  const size_t plane = PixelsOf(extent) * side * side;
  std::vector<float> targets;
  targets.reserve(PixelsOf(extent) * shape.outputs());
  for (int y = 0; y < extent.height; ++y)
    for (int x = 0; x < extent.width; ++x)
      for (int output = 0; output < shape.outputs(); ++output) {
        const int colour = output / (shape.colours * shape.colours);
        const int top =
            y * side + output / shape.colours % shape.colours * square;
        const int left = x * side + output % shape.colours * square;
        double sum = 0;
        for (int i = 0; i < square * square; ++i)
          sum += picture[colour * plane + (top + i / square) * width + left +
                         i % square];
        targets.push_back(static_cast<float>(sum / (square * square)));
      }
  return targets;
}

std::vector<float> Transposed(const std::vector<float>& matrix, size_t rows) {
  const size_t columns = matrix.size() / rows;
  std::vector<float> turned(matrix.size());
  for (size_t r = 0; r < rows; ++r)
    for (size_t c = 0; c < columns; ++c)
      turned[c * rows + r] = matrix[r * columns + c];
  return turned;
}

}  // namespace

NormalEquations::NormalEquations(const FitShape& shape)
    : shape_(shape),
      square_(size_t(shape.inputs()) * shape.inputs()),
      cross_(size_t(shape.inputs()) * shape.outputs()) {}

Status NormalEquations::Add(const float* latent, Extent extent,
                            const float* picture, int side) {
  const StatusOr<const BlasLibrary*> blas = BlasLibrary::Get();
  if (!blas.ok()) return blas.status();
  const int inputs = shape_.inputs(), outputs = shape_.outputs();
  const int pixels = static_cast<int>(PixelsOf(extent));
  const std::vector<float> rows = Windows(shape_, latent, extent);
  const std::vector<float> columns = Transposed(rows, inputs);
  const std::vector<float> targets = Targets(shape_, picture, extent, side);
  std::vector<float> square(square_.size()), cross(cross_.size());
  (*blas)->Multiply(inputs, inputs, pixels, rows.data(), pixels, columns.data(),
                    inputs, square.data(), inputs);
  (*blas)->Multiply(inputs, outputs, pixels, rows.data(), pixels,
                    targets.data(), outputs, cross.data(), outputs);
  for (size_t i = 0; i < square.size(); ++i) square_[i] += square[i];
  for (int i = 0; i < inputs; ++i)
    for (int o = 0; o < outputs; ++o)
      cross_[size_t(o) * inputs + i] += cross[size_t(i) * outputs + o];
  pixels_ += pixels;
  return {};
}

StatusOr<LinearFit> NormalEquations::Solve() const {
  if (pixels_ == 0) return InvalidArgument("there is no latent to fit");
  const StatusOr<const BlasLibrary*> blas = BlasLibrary::Get();
  if (!blas.ok()) return blas.status();
  const int inputs = shape_.inputs(), outputs = shape_.outputs();
  std::vector<double> square = square_, solution = cross_;
  double trace = 0;
  for (int i = 0; i < inputs; ++i) trace += square[size_t(i) * (inputs + 1)];
  for (int i = 0; i < inputs; ++i)
    square[size_t(i) * (inputs + 1)] += kRidge * trace / inputs;
  TAE_RETURN_IF_ERROR(
      (*blas)->SolvePositive(inputs, outputs, square.data(), solution.data()));
  LinearFit fit;
  for (int o = 0; o < outputs; ++o) {
    const double* row = solution.data() + size_t(o) * inputs;
    fit.weight.insert(fit.weight.end(), row, row + inputs - 1);
    fit.bias.push_back(static_cast<float>(row[inputs - 1]));
  }
  return fit;
}

}  // namespace tae::tool
