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

template <class Args>
double SecondsOf(Device& device, Stream& stream, Args args) {
  const Operands operands(device, stream, FactsOf(args).accesses, HostOffsets(args));
  EachArray(args, [&](auto*& pointer) { operands.Move(pointer); });
  if constexpr (requires { args.documents; }) {
    const size_t bytes = static_cast<size_t>(args.documents.count + 1) * sizeof(int32_t);
    stream.Copy(const_cast<int32_t*>(args.documents.offsets), args.documents.host_offsets, bytes);
  }
  return Seconds(stream, [&] { device.ops().Run(stream, args); });
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
