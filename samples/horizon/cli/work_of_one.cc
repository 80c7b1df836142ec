#include "samples/horizon/cli/work_of_one.h"

#include <cstdint>

#include "samples/horizon/base/error.h"
#include "samples/horizon/base/handle.h"
#include "samples/horizon/base/json.h"

namespace horizon {

bool IsDoneHere(const std::string& command, const std::string& join) {
  if (join == "none") return true;
  const Json place = Json::parse(hlm::Group::DescribeEnvironment());
  const int64_t rank = place.at("rank"), size = place.at("size");
  if (size == 1) return true;
  if (join == "first") return rank == 0;
  throw UsageError(command + " does not spread its work over processes, and " + place.at("launcher").get<std::string>() +
                   " has started " + std::to_string(size) + ", of which this is rank " + std::to_string(rank) +
                   ": --group first lets rank 0 do it and the others end, --group none lets each do what it is told");
}

}  // namespace horizon
