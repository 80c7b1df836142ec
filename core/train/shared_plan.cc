#include "core/train/shared_plan.h"

#include <algorithm>

#include "core/plan/shared_choice.h"
#include "core/train/group_batch.h"

namespace hlm {

std::shared_ptr<const Plan> SharePlan(ProcessGroup& group, const Model& model, std::shared_ptr<const Plan> own,
                                      const PlanOptions& options, const MachineSpec& machine) {
  if (group.size() == 1 || own->options.processes != group.size()) return own;
  const char* same = "the choices of a plan";
  const std::vector<std::string> choices = Agree(group, std::nullopt, same, SharedChoice(*own));
  const std::string& first = choices.front();
  if (std::all_of(choices.begin(), choices.end(), [&](const std::string& choice) { return choice == first; })) return own;
  std::optional<Error> failed;
  try {
    if (choices[static_cast<size_t>(group.rank())] != first) {
      const PlanOptions adopted = AdoptChoice(first, machine, options);
      own = std::make_shared<const Plan>(MakePlan(model.spec(), model.layout(), adopted, machine));
      CheckChoice(*own, first);
    }
  } catch (const Error& error) {
    failed = error;
  }
  Agree(group, failed, same);
  return own;
}

}  // namespace hlm
