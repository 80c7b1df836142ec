#include "core/plan/machine.h"

#include "core/base/error.h"

namespace hlm {

std::string DeviceListText(const std::vector<std::string>& names) {
  if (names.size() == 1) return names.front();
  if (names.front() == "cpu") return StrCat("cpu:", names.size());
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

}  // namespace hlm
