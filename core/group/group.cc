#include "core/group/group.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <random>
#include <thread>
#include <utility>

#include "core/base/error.h"
#include "core/group/introduction.h"
#include "core/group/torch_store.h"

namespace hlm {
namespace {

constexpr size_t kInvitationBytes = 2048;
constexpr double kNcclSeconds = 120;  // for its connections: some seconds on a quiet machine

Error Unavailable(const std::string& why) { return Error(Code::kUnavailable, why); }

std::string Join(const std::vector<HostPort>& candidates) {
  std::string text;
  for (const HostPort& c : candidates) text += StrCat(text.empty() ? "" : " or ", c.host, ":", c.port);
  return text;
}

std::string RandomToken() {
  std::random_device random;
  return StrCat(random(), "-", random());
}

}  // namespace

const char* Name(Carrier carrier) {
  switch (carrier) {
    case Carrier::kAuto:
      return "auto";
    case Carrier::kGloo:
      return "gloo";
    case Carrier::kNccl:
      return "nccl";
    case Carrier::kMpi:
      return "mpi";
  }
  return "unknown";
}

ProcessGroup::ProcessGroup(RankAddress place, GroupOptions options) : place_(std::move(place)), options_(options) {
  if (place_.size < 1 || place_.size > kMostRanks) {
    throw InvalidArgument("the size of the group is ", place_.size, "; it must lie in [1, ", kMostRanks, "]");
  }
  if (place_.rank < 0 || place_.rank >= place_.size) {
    throw InvalidArgument("the rank is ", place_.rank, "; it must lie in [0, ", place_.size, "), the size of the group");
  }
}

std::unique_ptr<ProcessGroup> ProcessGroup::Connect(const RankAddress& place, const GroupOptions& options) {
  std::unique_ptr<ProcessGroup> group(new ProcessGroup(place, options));
  if (place.size == 1) return group;
  const double deadline = SteadySeconds() + options.times.timeout;
  const HostPort at = ParseHostPort(place.address, "address");
  if (place.at_store) {
    group->OpenAtStore(deadline);
  } else {
    group->Open(
        place.rank == 0 ? Listen(at.port) : Socket(), [&] { return std::vector<HostPort>{at}; }, deadline);
  }
  return group;
}

std::unique_ptr<ProcessGroup> ProcessGroup::Connect(RankAddress place, const GroupOptions& options,
                                                    const AllGatherBytes& all_gather) {
  std::unique_ptr<ProcessGroup> group(new ProcessGroup(std::move(place), options));
  RankAddress& own = group->place_;
  if (own.size == 1) return group;
  const double deadline = SteadySeconds() + options.times.timeout;
  Socket listener = own.rank == 0 ? Listen(0) : Socket();
  std::string text = own.rank == 0 ? group->Invite(listener) : "";
  text.resize(kInvitationBytes, '\0');  // others tell nothing, in as many bytes
  std::vector<char> all(kInvitationBytes * static_cast<size_t>(own.size));
  all_gather(text.data(), all.data(), kInvitationBytes);
  std::vector<HostPort> candidates = group->Accept(std::string(all.data(), strnlen(all.data(), kInvitationBytes)));
  group->Open(
      std::move(listener), [&] { return candidates; }, deadline);
  return group;
}

void ProcessGroup::OpenAtStore(double deadline) {
  TorchStore store(ParseHostPort(place_.address, "address"), deadline);
  const std::string key = StrCat("horizonlm/", place_.token);
  Socket listener;
  if (place_.rank == 0) {
    listener = Listen(0);
    store.Set(key, Invite(listener));
  }
  // Read again at each try: the address of an earlier round may still be there.
  Open(
      std::move(listener), [&] { return Accept(store.Get(key)); }, deadline);
}

// Rank 0's port, the run's token and rank 0's addresses, a line each.
std::string ProcessGroup::Invite(const Socket& listener) {
  place_.token = RandomToken();
  std::string text = StrCat(listener.LocalPort(), "\n", place_.token, "\n");
  for (const std::string& host : OwnAddresses()) {
    if (text.size() + host.size() + 2 < kInvitationBytes) text += host + "\n";
  }
  return text;
}

std::vector<HostPort> ProcessGroup::Accept(const std::string& invitation) {
  std::vector<std::string> lines(1);
  for (const char c : invitation) {
    if (c == '\n') {
      lines.emplace_back();
    } else {
      lines.back() += c;
    }
  }
  lines.pop_back();
  if (lines.size() < 3) throw Error(Code::kUnavailable, "what was handed over is not what rank 0 said");
  place_.token = lines[1];
  std::vector<HostPort> candidates;
  for (size_t i = 2; i < lines.size(); ++i)
    candidates.push_back(ParseHostPort(StrCat("[", lines[i], "]:", lines[0]), "rank 0's address"));
  return candidates;
}

void ProcessGroup::Open(Socket listener, const Candidates& candidates, double deadline) {
  std::string where = "its address";
  Socket to_hub;
  if (place_.rank == 0) {
    auto [own, hubs] = MakePair();
    hub_ = std::make_unique<Hub>(std::move(listener), std::move(hubs), place_.size, place_.token, options_.times);
    to_hub = std::move(own);
  } else {
    to_hub = Reach(candidates, deadline, where);
  }
  const Hello hello{place_.rank, place_.size, place_.token};
  control_ = std::make_unique<Control>(std::move(to_hub), hello, options_.times, where, deadline);
  LinkPlugin* plugin = nullptr;
  Introduction own{.carrier = Name(options_.carrier), .machine = MachineName()};
  try {
    plugin = &(options_.carrier == Carrier::kMpi ? MpiPlugin() : GlooPlugin());
  } catch (const Error& error) {
    own.missing = error.message();
  }
  // All or none: a rank that has no library, or another carrier, must not keep the others waiting for its connections.
  const std::vector<Introduction> all = ReadIntroductions(control_->AllGather(Pack(own)));
  place_.local_size = std::max(place_.local_size, RanksOfMachine(all, place_.rank));
  link_ = plugin->Connect({.rank = place_.rank,
                           .size = place_.size,
                           .address = AddressForLink(),
                           .timeout = std::max(1.0, deadline - SteadySeconds()),
                           .all_gather = [this](const std::string& own) { return control_->AllGather(own); },
                           .check = [this] { control_->Check(); }});
  control_->OnFailure([this] { link_->Abort(); });
  Barrier();
}

void ProcessGroup::UseDevice(const std::string& device) {
  if (control_ == nullptr || between_devices_ != nullptr) return;
  constexpr char kPrefix[] = "cuda:";
  const bool gpu = device.starts_with(kPrefix);
  if (options_.carrier == Carrier::kGloo || options_.carrier == Carrier::kMpi || (options_.carrier == Carrier::kAuto && !gpu))
    return;
  // All or none, before they connect and after it: what a rank lacks, then what went wrong there.
  const auto all_can = [&](const std::string& own) {
    const std::vector<std::string> all = control_->AllGather(own);
    for (size_t r = 0; r < all.size(); ++r) {
      if (all[r].empty()) continue;
      if (options_.carrier == Carrier::kAuto) return false;
      throw Unavailable(StrCat("carrier is nccl; rank ", r, ": ", all[r]));
    }
    return true;
  };
  std::string missing = gpu ? "" : StrCat("its device is ", device);
  LinkPlugin* plugin = nullptr;
  try {
    if (gpu) plugin = &NcclPlugin();
  } catch (const Error& error) {
    missing = error.message();
  }
  if (!all_can(missing)) return;
  std::unique_ptr<Link> made;
  try {
    made = plugin->Connect({.rank = place_.rank,
                            .size = place_.size,
                            .timeout = std::min(options_.times.timeout, kNcclSeconds),
                            .all_gather = [this](const std::string& own) { return control_->AllGather(own); },
                            .check = [this] { control_->Check(); },
                            .device = std::stoi(device.substr(sizeof(kPrefix) - 1))});
  } catch (const Error& error) {
    missing = error.message();
  }
  if (!all_can(missing)) return;
  between_devices_ = std::move(made);
  control_->OnFailure([this] { link_->Abort(), between_devices_->Abort(); });
}

const char* ProcessGroup::carrier() const {
  if (link_ == nullptr) return "";
  return between_devices_ != nullptr ? "nccl" : options_.carrier == Carrier::kMpi ? "mpi" : "gloo";
}

// Rank 0 may start later, and its name may be known later, too.
Socket ProcessGroup::Reach(const Candidates& candidates, double deadline, std::string& where) const {
  std::string why;
  while (true) {
    const std::vector<HostPort> now = candidates();
    where = Join(now);
    for (const HostPort& candidate : now) {
      const double left = deadline - SteadySeconds();
      if (left <= 0) {
        throw Unavailable(
            StrCat("rank ", place_.rank, " cannot reach rank 0 at ", where, " within ", options_.times.timeout, " s: ", why));
      }
      if (Socket made = TryConnect(candidate, std::min(left, 5.0), why)) return made;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

// Where the other ranks reach this machine: the interface that reaches rank 0. Where that is the loopback one and others have come over
// another, it is one that is not.
std::string ProcessGroup::AddressForLink() {
  std::string own = hub_ != nullptr ? hub_->LocalHost() : control_->LocalHost();
  bool outside = false;
  for (const std::string& address : control_->AllGather(own)) outside = outside || !IsLoopback(address);
  const std::vector<std::string> addresses = OwnAddresses();
  if (outside && IsLoopback(own) && !addresses.empty() && !IsLoopback(addresses.front())) own = addresses.front();
  return own;
}

ProcessGroup::~ProcessGroup() {
  if (control_ != nullptr) control_->OnFailure({});
  // Goodbye first: no connection closes before the others need it no more.
  if (link_ != nullptr) control_->Leave();
  control_.reset();
  hub_.reset();
  between_devices_.reset();
  link_.reset();
}

void ProcessGroup::Check() {
  if (control_ != nullptr) control_->Check();
}

void ProcessGroup::GiveUp(const std::string& why) noexcept {
  if (control_ != nullptr) control_->GiveUp(why);
}

void ProcessGroup::Barrier() {
  if (control_ != nullptr) control_->AllGather("");
}

Link& ProcessGroup::LinkOf(uint64_t channel) {
  return channel == kGradients && between_devices_ != nullptr ? *between_devices_ : *link_;
}

void ProcessGroup::Move(const Link::Transfer& transfer) {
  control_->Check();
  control_->Begin();
  const Link::Result result = LinkOf(transfer.channel).Move(transfer, options_.times.timeout);
  const int64_t other = transfer.receive_bytes > 0 ? transfer.from : transfer.to;
  switch (result.outcome) {
    case Link::Outcome::kDone:
      return control_->End();
    case Link::Outcome::kAborted:
      control_->ThrowVerdict("the group was taken apart");
    case Link::Outcome::kLate:
      control_->Late(other, StrCat("rank ", other, " kept rank ", rank(), " waiting for ", options_.times.timeout, " s"));
    case Link::Outcome::kLost:
      control_->Lost(other, result.why);
  }
}

std::vector<std::string> ProcessGroup::AllGather(Channel channel, std::string_view own) {
  const size_t count = static_cast<size_t>(size()), self = static_cast<size_t>(rank());
  std::vector<std::string> all(count);
  all[self] = own;
  const uint64_t own_bytes = own.size();
  for (size_t d = 1; d < count; ++d) {
    const size_t to = (self + d) % count, from = (self + count - d) % count;
    uint64_t bytes = 0;
    Link::Transfer move{channel,      static_cast<int64_t>(to), &own_bytes, sizeof(own_bytes), static_cast<int64_t>(from), &bytes,
                        sizeof(bytes)};
    Move(move);
    all[from].resize(bytes);
    move.send = own.data(), move.send_bytes = own.size();
    move.receive = all[from].data(), move.receive_bytes = bytes;
    Move(move);
  }
  return all;
}

void ProcessGroup::AllGatherInPlace(Channel channel, std::byte* array, const std::vector<size_t>& starts) {
  const size_t count = static_cast<size_t>(size()), self = static_cast<size_t>(rank());
  HLM_CHECK(starts.size() == count + 1, starts.size(), " starts for ", count, " ranks");
  for (size_t d = 1; d < count; ++d) {
    const size_t to = (self + d) % count, from = (self + count - d) % count;
    Move({channel, static_cast<int64_t>(to), array + starts[self], starts[self + 1] - starts[self], static_cast<int64_t>(from),
          array + starts[from], starts[from + 1] - starts[from]});
  }
}

// Each rank adds a run, and all gather the runs.
void ProcessGroup::SumByTree(Channel channel, float* values, float* room, size_t n, const Add& add) {
  const size_t count = static_cast<size_t>(size()), self = static_cast<size_t>(rank());
  std::vector<size_t> starts;
  for (size_t r = 0; r <= count; ++r) starts.push_back(n / count * r + n % count * r / count);
  const float* sum = SumOwnByTree(channel, values, starts, room, add);
  std::copy_n(sum, sum == values + starts[self] ? 0 : starts[self + 1] - starts[self], values + starts[self]);
  for (size_t& start : starts) start *= sizeof(float);
  AllGatherInPlace(channel, reinterpret_cast<std::byte*>(values), starts);
}

// Everybody sends to each what is its own, and adds as the tree does: neighbours, then sums of neighbours, and so on. What has no
// neighbour on a level waits for a later one, so that the left side of each sum is a whole power of two of ranks.
float* ProcessGroup::SumOwnByTree(Channel channel, float* values, const std::vector<size_t>& starts, float* room,
                                  const Add& add) {
  const size_t count = static_cast<size_t>(size()), self = static_cast<size_t>(rank());
  HLM_CHECK(starts.size() == count + 1, starts.size(), " starts for ", count, " ranks");
  const size_t own = starts[self + 1] - starts[self];
  std::vector<float*> terms(count);
  terms[self] = values + starts[self];
  for (size_t d = 1; d < count; ++d) {
    const size_t to = (self + d) % count, from = (self + count - d) % count;
    terms[from] = room + (d - 1) * own;
    Move({channel, static_cast<int64_t>(to), values + starts[to], (starts[to + 1] - starts[to]) * sizeof(float),
          static_cast<int64_t>(from), terms[from], own * sizeof(float)});
  }
  for (size_t distance = 1; distance < count; distance *= 2) {
    for (size_t i = 0; i + distance < count; i += 2 * distance) add(terms[i], terms[i + distance], own);
  }
  return terms.front();
}

}  // namespace hlm
