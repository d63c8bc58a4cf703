// A stack machine over a closed set of values.
#include "io/pickle.h"

#include <algorithm>
#include <deque>
#include <set>
#include <unordered_map>
#include <utility>

namespace tae {
namespace {

constexpr size_t kMaxRank = 16;

enum class Kind {
  kNone,
  kBool,
  kInt,
  kFloat,
  kString,
  kTuple,
  kList,
  kDict,  // items: key, value, key, value ...
  kGlobal,
  kStorage,  // items: the persistent id's tuple
  kTensor,   // items: the arguments of _rebuild_tensor_v2
};

// Values live in one deque and point at each other, so that neither nesting
// nor cycles cost stack when they go.
struct Value {
  Kind kind = Kind::kNone;
  int64_t number = 0;
  std::string_view text;
  std::vector<Value*> items;
};

struct KnownGlobal {
  std::string_view module;
  std::string_view name;
};

// All that a pickle may name. Storages of other dtypes are let through, to be
// refused, or passed over, by name later.
constexpr KnownGlobal kKnownGlobals[] = {
    {"collections", "OrderedDict"},
    {"torch._utils", "_rebuild_tensor_v2"},
    {"torch._utils", "_rebuild_parameter"},
};

bool IsAllowed(std::string_view module, std::string_view name) {
  if (module == "torch" && name.ends_with("Storage")) return true;
  return std::any_of(std::begin(kKnownGlobals), std::end(kKnownGlobals),
                     [&](const KnownGlobal& known) {
                       return known.module == module && known.name == name;
                     });
}

class Machine {
 public:
  explicit Machine(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  // The pickled object, or an error.
  StatusOr<const Value*> Run();

 private:
  Status Step(uint8_t opcode);
  Status PushNumber(uint8_t opcode);
  Status PushText(size_t length_bytes);
  Status PushGlobal();
  Status PushStackGlobal();
  Status PushNamed(std::string_view module, std::string_view name);
  Status PushLong();
  Status PushPersistent();
  Status MakeTuple(size_t start);
  Status AddItems(size_t start);
  Status AppendItems(size_t start);
  Status Build();
  Status Reduce();
  Status Memoize(uint32_t index);
  Status Recall(uint32_t index);

  // Little-endian number of `count` bytes; false at the end of the input.
  bool Take(size_t count, uint64_t* value);
  bool TakeText(size_t count, std::string_view* text);
  bool TakeLine(std::string_view* line);
  bool PopMark(size_t* start);
  Status Push(Kind kind, int64_t number = 0, std::string_view text = {}) {
    values_.push_back(
        {.kind = kind, .number = number, .text = text, .items = {}});
    stack_.push_back(&values_.back());
    return {};
  }
  Status CutOff() const { return DataLoss("the pickle is cut off"); }
  Status Broken(const char* what) const {
    return DataLoss("the pickle is damaged: " + std::string(what));
  }

  std::span<const uint8_t> bytes_;
  size_t at_ = 0;
  std::deque<Value> values_;
  std::vector<Value*> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint32_t, Value*> memo_;
};

bool Machine::Take(size_t count, uint64_t* value) {
  if (bytes_.size() - at_ < count) return false;
  *value = 0;
  for (size_t i = 0; i < count; ++i) {
    *value |= uint64_t{bytes_[at_ + i]} << (8 * i);
  }
  at_ += count;
  return true;
}

bool Machine::TakeText(size_t count, std::string_view* text) {
  if (bytes_.size() - at_ < count) return false;
  *text = {reinterpret_cast<const char*>(bytes_.data()) + at_, count};
  at_ += count;
  return true;
}

bool Machine::TakeLine(std::string_view* line) {
  const auto begin = bytes_.begin() + static_cast<ptrdiff_t>(at_);
  const auto end = std::find(begin, bytes_.end(), '\n');
  if (end == bytes_.end()) return false;
  if (!TakeText(static_cast<size_t>(end - begin), line)) return false;
  ++at_;
  return true;
}

bool Machine::PopMark(size_t* start) {
  if (marks_.empty() || marks_.back() > stack_.size()) return false;
  *start = marks_.back();
  marks_.pop_back();
  return true;
}

Status Machine::PushNumber(uint8_t opcode) {
  const size_t count = opcode == 'K' ? 1 : opcode == 'M' ? 2 : 4;
  uint64_t value = 0;
  if (!Take(count, &value)) return CutOff();
  return Push(Kind::kInt, opcode == 'J' ? static_cast<int32_t>(value)
                                        : static_cast<int64_t>(value));
}

// LONG1: a signed number of up to 8 bytes.
Status Machine::PushLong() {
  uint64_t count = 0;
  uint64_t value = 0;
  if (!Take(1, &count)) return CutOff();
  if (count > 8) return Broken("an integer of more than 64 bits");
  if (!Take(count, &value)) return CutOff();
  if (count > 0 && count < 8 && (value >> (8 * count - 1)) != 0) {
    value |= ~uint64_t{0} << (8 * count);
  }
  return Push(Kind::kInt, static_cast<int64_t>(value));
}

Status Machine::PushText(size_t length_bytes) {
  uint64_t size = 0;
  std::string_view text;
  if (!Take(length_bytes, &size) || !TakeText(size, &text)) return CutOff();
  return Push(Kind::kString, 0, text);
}

Status Machine::PushGlobal() {
  std::string_view module;
  std::string_view name;
  if (!TakeLine(&module) || !TakeLine(&name)) return CutOff();
  return PushNamed(module, name);
}

// STACK_GLOBAL of protocol 4: both names lie on the stack.
Status Machine::PushStackGlobal() {
  if (stack_.size() < 2) return Broken("an empty stack");
  const Value* module = stack_[stack_.size() - 2];
  const Value* name = stack_.back();
  if (module->kind != Kind::kString || name->kind != Kind::kString)
    return Broken("a global whose name is no string");
  stack_.resize(stack_.size() - 2);
  return PushNamed(module->text, name->text);
}

Status Machine::PushNamed(std::string_view module, std::string_view name) {
  if (!IsAllowed(module, name)) {
    return Unsupported("the pickle names '" +
                       std::string(module.substr(0, 80)) + "." +
                       std::string(name.substr(0, 80)) +
                       "', which no state dict of tensors needs; nothing in "
                       "it was executed");
  }
  return Push(Kind::kGlobal, 0, name);
}

// ('storage', class, key, location, numel)
Status Machine::PushPersistent() {
  if (stack_.empty()) return Broken("an empty stack");
  const Value* id = stack_.back();
  const auto& items = id->items;
  if (id->kind != Kind::kTuple || items.size() != 5 ||
      items[0]->kind != Kind::kString || items[0]->text != "storage" ||
      items[1]->kind != Kind::kGlobal || items[2]->kind != Kind::kString ||
      items[4]->kind != Kind::kInt) {
    return Broken("a persistent id that is no storage");
  }
  stack_.pop_back();
  TAE_RETURN_IF_ERROR(Push(Kind::kStorage));
  stack_.back()->items = items;
  return {};
}

Status Machine::MakeTuple(size_t start) {
  if (start > stack_.size()) return Broken("a tuple of too few values");
  std::vector<Value*> items(stack_.begin() + static_cast<ptrdiff_t>(start),
                            stack_.end());
  stack_.resize(start);
  TAE_RETURN_IF_ERROR(Push(Kind::kTuple));
  stack_.back()->items = std::move(items);
  return {};
}

// Key and value pairs from `start` go into the dict below them.
Status Machine::AddItems(size_t start) {
  if (start == 0 || start > stack_.size() || (stack_.size() - start) % 2 != 0 ||
      stack_[start - 1]->kind != Kind::kDict) {
    return Broken("items without a dict");
  }
  auto& items = stack_[start - 1]->items;
  items.insert(items.end(), stack_.begin() + static_cast<ptrdiff_t>(start),
               stack_.end());
  stack_.resize(start);
  return {};
}

Status Machine::AppendItems(size_t start) {
  if (start == 0 || start > stack_.size() ||
      stack_[start - 1]->kind != Kind::kList) {
    return Broken("items without a list");
  }
  auto& items = stack_[start - 1]->items;
  items.insert(items.end(), stack_.begin() + static_cast<ptrdiff_t>(start),
               stack_.end());
  stack_.resize(start);
  return {};
}

// An OrderedDict's attributes (state_dict()._metadata): read and dropped.
Status Machine::Build() {
  if (stack_.size() < 2 || stack_[stack_.size() - 2]->kind != Kind::kDict) {
    return Broken("attributes of something that is no dict");
  }
  stack_.pop_back();
  return {};
}

Status Machine::Reduce() {
  if (stack_.size() < 2) return Broken("an empty stack");
  const Value* arguments = stack_.back();
  const Value* callable = stack_[stack_.size() - 2];
  if (callable->kind != Kind::kGlobal || arguments->kind != Kind::kTuple) {
    return Broken("a call of something that is no function");
  }
  stack_.resize(stack_.size() - 2);
  const auto& items = arguments->items;
  if (callable->text == "OrderedDict" && items.empty()) {
    return Push(Kind::kDict);
  }
  if (callable->text == "_rebuild_tensor_v2" && items.size() >= 4) {
    TAE_RETURN_IF_ERROR(Push(Kind::kTensor));
    stack_.back()->items = items;
    return {};
  }
  if (callable->text == "_rebuild_parameter" && !items.empty()) {
    stack_.push_back(items[0]);  // (tensor, requires_grad, hooks)
    return {};
  }
  return Broken("a call with arguments that PyTorch does not write");
}

Status Machine::Memoize(uint32_t index) {
  if (stack_.empty()) return Broken("an empty stack");
  memo_[index] = stack_.back();
  return {};
}

Status Machine::Recall(uint32_t index) {
  const auto found = memo_.find(index);
  if (found == memo_.end()) return Broken("a value that was never stored");
  stack_.push_back(found->second);
  return {};
}

// One case an opcode. NOLINTNEXTLINE(readability-function-size)
Status Machine::Step(uint8_t opcode) {
  uint64_t number = 0;
  size_t start = 0;
  switch (opcode) {
    case 0x80:  // PROTO
      return Take(1, &number) ? Status() : CutOff();
    case '(':  // MARK
      marks_.push_back(stack_.size());
      return {};
    case 'N':
      return Push(Kind::kNone);
    case 0x88:  // NEWTRUE
    case 0x89:  // NEWFALSE
      return Push(Kind::kBool, opcode == 0x88);
    case 'J':  // BININT
    case 'K':  // BININT1
    case 'M':  // BININT2
      return PushNumber(opcode);
    case 0x8A:  // LONG1
      return PushLong();
    case 'G':  // BINFLOAT; no float matters here
      return Take(8, &number) ? Push(Kind::kFloat) : CutOff();
    case 'X':  // BINUNICODE
      return PushText(4);
    case 0x8C:  // SHORT_BINUNICODE
      return PushText(1);
    case 0x8D:  // BINUNICODE8
      return PushText(8);
    case 'c':  // GLOBAL
      return PushGlobal();
    case 0x93:  // STACK_GLOBAL
      return PushStackGlobal();
    case 0x95:  // FRAME: how long the next part is, for readers of streams
      return Take(8, &number) ? Status() : CutOff();
    case 'Q':  // BINPERSID
      return PushPersistent();
    case ')':  // EMPTY_TUPLE
      return Push(Kind::kTuple);
    case 0x85:  // TUPLE1
    case 0x86:  // TUPLE2
    case 0x87:  // TUPLE3
      number = opcode - 0x84;
      if (stack_.size() < number) return Broken("a tuple of too few values");
      return MakeTuple(stack_.size() - number);
    case 't':  // TUPLE
      return PopMark(&start) ? MakeTuple(start) : Broken("no mark");
    case ']':  // EMPTY_LIST
      return Push(Kind::kList);
    case 'a':  // APPEND
      return AppendItems(stack_.size() - std::min<size_t>(1, stack_.size()));
    case 'e':  // APPENDS
      return PopMark(&start) ? AppendItems(start) : Broken("no mark");
    case '}':  // EMPTY_DICT
      return Push(Kind::kDict);
    case 's':  // SETITEM
      return AddItems(stack_.size() - std::min<size_t>(2, stack_.size()));
    case 'u':  // SETITEMS
      return PopMark(&start) ? AddItems(start) : Broken("no mark");
    case 'R':  // REDUCE
      return Reduce();
    case 'b':  // BUILD
      return Build();
    case 'q':  // BINPUT
    case 'r':  // LONG_BINPUT
      if (!Take(opcode == 'q' ? 1 : 4, &number)) return CutOff();
      return Memoize(static_cast<uint32_t>(number));
    case 0x94:  // MEMOIZE
      return Memoize(static_cast<uint32_t>(memo_.size()));
    case 'h':  // BINGET
    case 'j':  // LONG_BINGET
      if (!Take(opcode == 'h' ? 1 : 4, &number)) return CutOff();
      return Recall(static_cast<uint32_t>(number));
    default:
      return Unsupported("the pickle has opcode " + std::to_string(opcode) +
                         ", which torch.save does not write by default");
  }
}

StatusOr<const Value*> Machine::Run() {
  uint64_t opcode = 0;
  while (Take(1, &opcode)) {
    if (opcode == '.') {  // STOP
      if (stack_.size() != 1) return Broken("its end leaves no single value");
      return stack_.back();
    }
    TAE_RETURN_IF_ERROR(Step(static_cast<uint8_t>(opcode)));
  }
  return CutOff();
}

bool ReadNumbers(const Value& tuple, std::vector<int64_t>* numbers) {
  if (tuple.kind != Kind::kTuple || tuple.items.size() > kMaxRank) return false;
  for (const Value* item : tuple.items) {
    if (item->kind != Kind::kInt) return false;
    numbers->push_back(item->number);
  }
  return true;
}

// Arguments: storage, offset, size, stride, requires_grad, hooks.
StatusOr<PickledTensor> DescribeTensor(std::string_view key,
                                       const Value& value) {
  PickledTensor tensor{.name = std::string(key),
                       .storage_type = {},
                       .storage_key = {},
                       .dims = {},
                       .strides = {}};
  const auto& items = value.items;
  if (items[0]->kind != Kind::kStorage || items[1]->kind != Kind::kInt ||
      !ReadNumbers(*items[2], &tensor.dims) ||
      !ReadNumbers(*items[3], &tensor.strides) ||
      tensor.dims.size() != tensor.strides.size()) {
    return DataLoss("tensor '" + tensor.name +
                    "' is not described as "
                    "PyTorch does");
  }
  const auto& storage = items[0]->items;
  tensor.storage_type = std::string(storage[1]->text);
  tensor.storage_key = std::string(storage[2]->text);
  tensor.storage_numel = storage[4]->number;
  tensor.offset = items[1]->number;
  return tensor;
}

// The dict itself, or the one under a name that training programs give it.
const Value* FindStateDict(const Value* root) {
  for (const std::string_view name :
       {"state_dict", "model_state_dict", "model", "decoder", "params_ema",
        "params", "ema"}) {
    for (size_t i = 0; i + 1 < root->items.size(); i += 2) {
      const Value* key = root->items[i];
      const Value* value = root->items[i + 1];
      if (key->kind == Kind::kString && key->text == name &&
          value->kind == Kind::kDict) {
        return value;
      }
    }
  }
  return root;
}

StatusOr<std::vector<PickledTensor>> CollectTensors(const Value* root) {
  if (root->kind != Kind::kDict) {
    return Unsupported("the pickle holds no dict of tensors");
  }
  std::vector<PickledTensor> tensors;
  std::set<std::string_view> names;
  const Value* dict = FindStateDict(root);
  for (size_t i = 0; i + 1 < dict->items.size(); i += 2) {
    const Value& key = *dict->items[i];
    const Value& value = *dict->items[i + 1];
    if (key.kind != Kind::kString || value.kind != Kind::kTensor) continue;
    if (!names.insert(key.text).second) {
      return DataLoss("the name '" + std::string(key.text) + "' stands twice");
    }
    StatusOr<PickledTensor> tensor = DescribeTensor(key.text, value);
    if (!tensor.ok()) return tensor.status();
    tensors.push_back(*std::move(tensor));
  }
  return tensors;
}

}  // namespace

StatusOr<std::vector<PickledTensor>> ReadStateDict(
    std::span<const uint8_t> pickle) {
  Machine machine(pickle);
  const StatusOr<const Value*> root = machine.Run();
  if (!root.ok()) return root.status();
  return CollectTensors(*root);
}

}  // namespace tae
