#include "core/machine/product_times.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "core/base/checked.h"
#include "core/base/random.h"
#include "core/device/facts.h"

namespace hlm {
namespace {

// Every array of a product's arguments.
template <class Work>
void EachArray(LinearArgs& a, const Work& work) {
  work(a.x), work(a.w), work(a.bias), work(a.addend), work(a.y);
}
template <class Work>
void EachArray(LinearBackwardInputArgs& a, const Work& work) {
  work(a.dy), work(a.w), work(a.dx);
}
template <class Work>
void EachArray(LinearBackwardWeightArgs& a, const Work& work) {
  work(a.dy), work(a.x), work(a.dw), work(a.dbias);
}
template <class Work>
void EachArray(GroupedLinearArgs& a, const Work& work) {
  work(a.range.offsets), work(a.x), work(a.w), work(a.bias), work(a.y);
}
template <class Work>
void EachArray(GroupedLinearBackwardInputArgs& a, const Work& work) {
  work(a.range.offsets), work(a.dy), work(a.w), work(a.dx);
}
template <class Work>
void EachArray(GroupedLinearBackwardWeightArgs& a, const Work& work) {
  work(a.range.offsets), work(a.dy), work(a.x), work(a.dw), work(a.dbias);
}
template <class Work>
void EachArray(AttentionArgs& a, const Work& work) {
  work(a.documents.offsets), work(a.qkv), work(a.out), work(a.lse);
}
template <class Work>
void EachArray(AttentionBackwardArgs& a, const Work& work) {
  work(a.documents.offsets), work(a.qkv), work(a.out), work(a.dout), work(a.lse), work(a.dqkv);
}
template <class Work>
void EachArray(ViewAttentionArgs& a, const Work& work) {
  work(a.documents.offsets), work(a.q.data), work(a.k.data), work(a.v.data), work(a.sinks), work(a.slopes), work(a.out.data);
  work(a.lse);
}
template <class Work>
void EachArray(ViewAttentionBackwardArgs& a, const Work& work) {
  work(a.documents.offsets), work(a.q.data), work(a.k.data), work(a.v.data), work(a.sinks), work(a.slopes), work(a.out.data);
  work(a.dout.data), work(a.lse), work(a.dq.data), work(a.dk.data), work(a.dv.data), work(a.dsinks);
}

// Memory of its own for one rehearsed call, whose arrays lie at addresses that are none. Ranges that touch stay together: the parts
// of one qkv are one array.
class Operands {
 public:
  Operands(Device& device, Stream& stream, const AccessList& accesses, const int32_t* host_offsets) {
    std::map<uintptr_t, uintptr_t> ranges;  // begin, end
    for (const Access& access : accesses) {
      if (access.bytes == 0 || access.data == host_offsets) continue;
      const auto begin = reinterpret_cast<uintptr_t>(access.data);
      uintptr_t& end = ranges[begin];
      end = std::max(end, begin + access.bytes);
    }
    for (const auto& [begin, end] : ranges) {
      if (!arrays_.empty() && begin <= arrays_.back().end) {
        arrays_.back().end = std::max(arrays_.back().end, end);
      } else {
        arrays_.push_back({begin, end, {}});
      }
    }
    for (Array& array : arrays_) {
      array.memory = device.Allocate(array.end - array.begin);
      Fill(stream, array.memory);
    }
  }

  template <class T>
  void Move(T*& pointer) const {
    const auto at = reinterpret_cast<uintptr_t>(pointer);
    for (const Array& array : arrays_) {
      if (at >= array.begin && at < array.end) {
        pointer = reinterpret_cast<T*>(array.memory.data() + (at - array.begin));
        return;
      }
    }
    HLM_CHECK(pointer == nullptr, "an array of a product is not among its ranges");
  }

 private:
  struct Array {
    uintptr_t begin, end;
    Buffer memory;
  };

  // A chip draws less power for zeros and runs faster.
  static void Fill(Stream& stream, const Buffer& to) {
    static const std::vector<uint16_t> block = [] {
      const uint64_t key = RandomKey(1, "products");
      std::vector<uint16_t> values(size_t{1} << 20);
      for (size_t i = 0; i < values.size(); ++i) {
        values[i] = FloatToBf16(static_cast<float>(RandomBelow(key, i, 1 << 20)) * 0x1p-19f - 1);
      }
      return values;
    }();
    for (size_t at = 0; at < to.bytes(); at += 2 * block.size()) {
      stream.Copy(to.data() + at, block.data(), std::min(2 * block.size(), to.bytes() - at));
    }
    stream.Synchronize();
  }

  std::vector<Array> arrays_;
};

// Mean of the later half of at least a fifth of a second of it: a chip that works all the time is slower than one that just began.
template <class Work>
double Seconds(Stream& stream, const Work& work) {
  constexpr double kLeast = 0.2;
  constexpr int64_t kMost = 4096;
  const auto time = [&](int64_t count) {
    const auto begin = stream.Stamp();
    for (int64_t i = 0; i < count; ++i) work();
    const auto end = stream.Stamp();
    stream.Synchronize();
    return (end->Microseconds() - begin->Microseconds()) * 1e-6;
  };
  time(1);
  const double once = std::max(time(1), 1e-6);
  const int64_t count = std::clamp<int64_t>(static_cast<int64_t>(kLeast / 2 / once), 1, kMost);
  time(count);
  return time(count) / static_cast<double>(count);
}

template <class Args>
const int32_t* HostOffsets(const Args& args) {
  if constexpr (requires { args.documents; }) return args.documents.host_offsets;
  return nullptr;
}

// Of very many experts a share is timed, each with as many rows: all of them may be more than a device holds. How often it goes into the
// whole.
template <class Args>
double TakeShare(Args& args) {
  constexpr int64_t kMostBytes = int64_t{4} << 30;
  int64_t bytes;
  if constexpr (requires { args.dw; }) {
    bytes = args.dw_stride * static_cast<int64_t>(sizeof(float));
  } else {
    bytes = args.w_stride * static_cast<int64_t>(SizeOf(args.type));
  }
  const int64_t experts = std::clamp<int64_t>(kMostBytes / std::max<int64_t>(bytes, 1), 1, args.range.count);
  const double times = static_cast<double>(args.range.count) / static_cast<double>(experts);
  args.rows = std::max<int64_t>(args.rows * experts / args.range.experts, 1);
  args.range.experts = args.range.count = experts;
  args.range.first = 0;
  return times;
}

template <class Args>
double SecondsOf(Device& device, Stream& stream, Args args) {
  double times = 1;
  std::vector<int32_t> rows;  // where each expert's begin, as if they fell evenly
  if constexpr (requires { args.range.experts; }) {
    times = TakeShare(args);
    for (int64_t e = 0; e <= args.range.experts; ++e) rows.push_back(static_cast<int32_t>(args.rows * e / args.range.experts));
  }
  const Operands operands(device, stream, FactsOf(args).accesses, HostOffsets(args));
  EachArray(args, [&](auto*& pointer) { operands.Move(pointer); });
  if constexpr (requires { args.documents; }) {
    const size_t bytes = static_cast<size_t>(args.documents.count + 1) * sizeof(int32_t);
    stream.Copy(const_cast<int32_t*>(args.documents.offsets), args.documents.host_offsets, bytes);
  }
  if constexpr (requires { args.range.experts; })
    stream.Copy(const_cast<int32_t*>(args.range.offsets), rows.data(), rows.size() * sizeof(int32_t));
  return times * Seconds(stream, [&] { device.ops().Run(stream, args); });
}

}  // namespace

ProductTimes TimeDeviceProducts(Device& device, const std::vector<CountedCall>& products, size_t workspace_bytes) {
  const std::unique_ptr<Stream> stream = device.CreateStream("products");
  const Buffer workspace = device.Allocate(workspace_bytes);
  device.ops().SetWorkspace(workspace.data(), workspace.bytes());
  struct Restore {
    Ops& ops;
    ~Restore() { ops.SetWorkspace(nullptr, 0); }
  } restore{device.ops()};
  ProductTimes times;
  for (const CountedCall& product : products) {
    const double seconds = std::visit(
        [&]<class Args>(const Args& args) {
          if constexpr (requires(Args a) { EachArray(a, [](auto*&) {}); }) {
            times.form = Name(args.type);
            return SecondsOf(device, *stream, args);
          }
          return 0.0;
        },
        product.call);
    times.Add(product, seconds);
  }
  return times;
}

}  // namespace hlm
