// Size arithmetic on numbers that came from outside: the answer, or nothing
// when it does not fit.
#pragma once

#include <concepts>
#include <cstddef>
#include <optional>

namespace tae {

template <std::integral T>
[[nodiscard]] constexpr std::optional<T> CheckedAdd(T a, T b) {
  T sum;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

template <std::integral T>
[[nodiscard]] constexpr std::optional<T> CheckedMul(T a, T b) {
  T product;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

// The product of all of a range as size_t; nothing when an element is negative
// or the product does not fit. An empty range gives 1.
template <typename Range>
[[nodiscard]] constexpr std::optional<size_t> CheckedProduct(
    const Range& factors) {
  size_t product = 1;
  for (const auto factor : factors) {
    if (factor < 0) return std::nullopt;
    if (__builtin_mul_overflow(product, factor, &product)) return std::nullopt;
  }
  return product;
}

// value rounded up to a multiple of step (step > 0).
template <std::integral T>
[[nodiscard]] constexpr std::optional<T> CheckedRoundUp(T value, T step) {
  const std::optional<T> bumped = CheckedAdd<T>(value, step - 1);
  if (!bumped) return std::nullopt;
  return *bumped / step * step;
}

}  // namespace tae
