// Groups: the processes of a run, and how they find each other.
#include "core/group/group.h"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "c_api/check.h"
#include "c_api/internal.h"
#include "core/group/launcher.h"
#include "core/io/json_writer.h"
#include "core/train/group_batch.h"

namespace hlm::capi {
namespace {

hlm_group_options Defaults() {
  const GroupOptions own;
  hlm_group_options out{};
  out.struct_size = sizeof(out);
  out.timeout_seconds = own.times.timeout;
  out.silence_seconds = own.times.silence;
  return out;
}

static_assert(static_cast<int32_t>(Carrier::kAuto) == HLM_CARRIER_AUTO && static_cast<int32_t>(Carrier::kMpi) == HLM_CARRIER_MPI);

GroupOptions Convert(const hlm_group_options& given) {
  const auto check = [](const char* name, double value) {
    if (!(value >= 0.1) || !(value <= 1e7)) throw InvalidArgument(name, " is ", value, "; it must lie in [0.1, 1e7]");
  };
  check("timeout_seconds", given.timeout_seconds);
  check("silence_seconds", given.silence_seconds);
  CheckEnum(given.carrier, "carrier",
            {{HLM_CARRIER_AUTO, "AUTO"}, {HLM_CARRIER_GLOO, "GLOO"}, {HLM_CARRIER_NCCL, "NCCL"}, {HLM_CARRIER_MPI, "MPI"}});
  GroupOptions own;
  own.carrier = static_cast<Carrier>(given.carrier);
  own.times = {given.timeout_seconds, given.silence_seconds};
  own.several_per_machine = ReadBool(given.several_per_machine, "several_per_machine");
  return own;
}

hlm_group* Wrap(std::unique_ptr<ProcessGroup> group) {
  auto handle = std::make_unique<hlm_group>();
  handle->group = std::move(group);
  return handle.release();
}

void WritePlace(const RankAddress& place, JsonWriter& json) {
  json.Member("rank", place.rank).Member("size", place.size).Member("local_size", place.local_size);
  json.Member("launcher", place.launcher);
}

}  // namespace
}  // namespace hlm::capi

using namespace hlm::capi;  // NOLINT: the functions below are this file's purpose

extern "C" {

void hlm_group_options_init_sized(hlm_group_options* options, size_t struct_size) {
  InitStruct(options, struct_size, Defaults());
}

hlm_error* hlm_group_from_environment(const hlm_group_options* options, hlm_group** out_group) {
  return Guard([&] {
    NotNull(out_group, "out_group");
    hlm::GroupOptions own = Convert(ReadStruct(options, Defaults()));
    const hlm::Environment environment = [](const char* name) { return std::getenv(name); };
    if (own.carrier == hlm::Carrier::kAuto) own.carrier = hlm::CarrierOf(environment);
    const hlm::RankAddress place = hlm::PlaceOf(environment, own);
    *out_group = Wrap(hlm::ProcessGroup::Connect(place, own));
  });
}

hlm_error* hlm_group_describe_environment(char** out_json) {
  return Guard([&] {
    NotNull(out_json, "out_json");
    hlm::GroupOptions any;
    any.several_per_machine = true;
    const hlm::RankAddress place = hlm::PlaceOf([](const char* name) { return std::getenv(name); }, any);
    hlm::JsonWriter json;
    json.BeginObject();
    WritePlace(place, json);
    json.EndObject();
    *out_json = CopyString(json.text());
  });
}

hlm_error* hlm_group_connect(const char* address, int64_t rank, int64_t size, const hlm_group_options* options,
                             hlm_group** out_group) {
  return Guard([&] {
    NotNull(out_group, "out_group");
    const hlm::GroupOptions own = Convert(ReadStruct(options, Defaults()));
    hlm::RankAddress place;
    place.rank = rank;
    place.size = size;
    place.address = NotEmpty(address, "address");
    *out_group = Wrap(hlm::ProcessGroup::Connect(place, own));
  });
}

hlm_error* hlm_group_from_callback(int64_t rank, int64_t size, hlm_all_gather_fn all_gather, void* user_data,
                                   const hlm_group_options* options, hlm_group** out_group) {
  return Guard([&] {
    NotNull(reinterpret_cast<const void*>(all_gather), "all_gather");
    NotNull(out_group, "out_group");
    const hlm::GroupOptions own = Convert(ReadStruct(options, Defaults()));
    hlm::RankAddress place;
    place.rank = rank;
    place.size = size;
    const auto gather = [&](const void* bytes, void* all, size_t n) {
      if (const int32_t failed = all_gather(user_data, bytes, all, n); failed != 0) {
        throw hlm::Error(hlm::Code::kUnavailable, hlm::StrCat("all_gather failed with ", failed));
      }
    };
    *out_group = Wrap(hlm::ProcessGroup::Connect(place, own, gather));
  });
}

int64_t hlm_group_rank(const hlm_group* group) { return group != nullptr ? group->group->rank() : 0; }

int64_t hlm_group_size(const hlm_group* group) { return group != nullptr ? group->group->size() : 1; }

hlm_error* hlm_group_describe(const hlm_group* group, char** out_json) {
  return Guard([&] {
    NotNull(group, "group");
    NotNull(out_json, "out_json");
    hlm::JsonWriter json;
    json.BeginObject();
    WritePlace(group->group->place(), json);
    json.Member("carrier", group->group->carrier());
    json.EndObject();
    *out_json = CopyString(json.text());
  });
}

hlm_error* hlm_group_barrier(hlm_group* group) {
  return Guard([&] {
    NotNull(group, "group");
    const Use use(group->in_use, "the group");
    hlm::Agree(*group->group, std::nullopt, "a barrier");
  });
}

hlm_error* hlm_group_all_gather(hlm_group* group, const void* own, size_t n_own, void* all, size_t n_all) {
  return Guard([&] {
    NotNull(group, "group");
    const Use use(group->in_use, "the group");
    const size_t size = static_cast<size_t>(group->group->size());
    std::optional<hlm::Error> refused;
    std::span<const char> from;
    std::span<std::byte> to;
    try {
      from = Buffer(static_cast<const char*>(own), n_own, "own");
      to = Buffer(static_cast<std::byte*>(all), n_all, "all");
      if (n_own > SIZE_MAX / size || n_all != n_own * size) {
        throw hlm::InvalidArgument("n_all is ", n_all, "; it must be n_own, ", n_own, ", times the ", size,
                                   " ranks of the group");
      }
    } catch (const hlm::Error& error) {
      refused = error;
    }
    const std::vector<std::string> gathered =
        hlm::Agree(*group->group, refused, "a gather of the program's own bytes", std::string(from.data(), from.size()));
    for (size_t r = 0; r < size; ++r) {
      if (gathered[r].size() == n_own) continue;
      throw hlm::FailedPrecondition("n_own is ", gathered[r].size(), " on rank ", r, " and ", n_own, " on rank ",
                                    group->group->rank(), "; it must be the same on every rank");
    }
    for (size_t r = 0; r < size && n_own > 0; ++r) std::memcpy(to.data() + r * n_own, gathered[r].data(), n_own);
  });
}

void hlm_group_destroy(hlm_group* group) { hlm::capi::Destroy(group); }

}  // extern "C"
