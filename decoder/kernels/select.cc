#include "kernels/select.h"

#include <cstdlib>
#include <span>
#include <string>

#include "kernels/tables.h"

namespace tae {
namespace {

constexpr std::string_view kScalar = "scalar";

// Tables of which precision serve a wish, the first choice first; more exact
// ones stand in where a CPU has no faster one. int8 is a promise of 40 dB:
// eight bits in Winograd's domain fall short of it, and direct products of
// bytes are no faster than that of 16 bits but on AMX. Nowhere is bf16 faster
// than what is as good as f16.
std::span<const Precision> GradesFor(Precision precision) {
  static constexpr Precision kHalf[] = {Precision::kF16, Precision::kF32};
  static constexpr Precision kFloat[] = {Precision::kF32};
  static constexpr Precision kByte[] = {Precision::kInt8, Precision::kF16,
                                        Precision::kF32};
  switch (precision) {
    case Precision::kF32:
      return kFloat;
    case Precision::kInt8:
      return kByte;
    case Precision::kAuto:
    case Precision::kF16:
    case Precision::kBF16:
      return kHalf;
  }
  return kHalf;
}

std::string KnownNames() {
  std::string names;
  for (const TableEntry& entry : KernelTables())
    if (names.find(entry.isa) == std::string::npos ||
        names.find(std::string(entry.isa) + ",") == std::string::npos)
      names += std::string(entry.isa) + ", ";
  return names + std::string(kScalar);
}

}  // namespace

StatusOr<const KernelTable*> SelectTable(Precision precision,
                                         std::string_view cpu) {
  if (cpu.empty()) {
    const char* pinned = std::getenv("TAE_CPU");
    if (pinned != nullptr) cpu = pinned;
  }
  for (Precision grade : GradesFor(precision)) {
    for (const TableEntry& entry : KernelTables())
      if (entry.precision == grade && (cpu.empty() || cpu == entry.isa) &&
          entry.supported())
        return entry.table;
    if (grade == Precision::kF32 && (cpu.empty() || cpu == kScalar))
      return &kScalarTable;
  }
  return Unsupported(
      "no kernels of the wanted precision for instruction set '" +
      std::string(cpu) +
      "' on this CPU; instruction sets are: " + KnownNames());
}

}  // namespace tae
