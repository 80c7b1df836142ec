#include "samples/horizon/report/experts.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "samples/horizon/base/text.h"

namespace horizon {
namespace {

constexpr size_t kMostMoments = 8;
constexpr int kShades = 8;  // from no token to twice the mean and above

// How often the mean of its layer an expert got, as a shade.
int ShadeOf(double tokens, double mean) {
  if (!(tokens > 0) || !(mean > 0)) return 0;
  return 1 + std::min(static_cast<int>(tokens / mean / 2 * (kShades - 1)), kShades - 2);
}

// Cells of one shade are one path: neighbours in a row are one rectangle of it.
std::string Map(const ExpertTokens& moment) {
  std::vector<std::string> paths(kShades);
  size_t width = 0;
  for (size_t row = 0; row < moment.tokens.size(); ++row) {
    const std::vector<double>& layer = moment.tokens[row];
    width = std::max(width, layer.size());
    const double mean = layer.empty() ? 0 : std::accumulate(layer.begin(), layer.end(), 0.0) / static_cast<double>(layer.size());
    for (size_t e = 0; e < layer.size();) {
      const int shade = ShadeOf(layer[e], mean);
      size_t end = e + 1;
      while (end < layer.size() && ShadeOf(layer[end], mean) == shade) ++end;
      paths[static_cast<size_t>(shade)] += Format("M%zu %zuh%zuv1h-%zuz", e, row, end - e, end - e);
      e = end;
    }
  }
  std::string svg =
      Format("<svg role=\"img\" viewBox=\"0 0 %zu %zu\" preserveAspectRatio=\"none\" aria-label=\"Experts at step %lld\">", width,
             moment.tokens.size(), static_cast<long long>(moment.step));
  for (int shade = 0; shade < kShades; ++shade) {
    if (!paths[static_cast<size_t>(shade)].empty())
      svg += Format("<path class=\"e%d\" d=\"", shade) + paths[static_cast<size_t>(shade)] + "\"/>";
  }
  return svg + "</svg>";
}

double Imbalance(const ExpertTokens& moment) {
  double most = 0;
  for (const std::vector<double>& layer : moment.tokens) {
    const double sum = std::accumulate(layer.begin(), layer.end(), 0.0);
    if (sum > 0) most = std::max(most, *std::max_element(layer.begin(), layer.end()) * static_cast<double>(layer.size()) / sum);
  }
  return most;
}

}  // namespace

bool ReadExpertTokens(const Json& table, std::vector<std::vector<double>>& tokens) {
  if (!table.is_array() || table.empty()) return false;
  std::vector<std::vector<double>> read;
  for (const Json& layer : table) {
    if (!layer.is_array() || layer.empty()) return false;
    read.emplace_back();
    for (const Json& count : layer) {
      if (!count.is_number()) return false;
      read.back().push_back(count.get<double>());
    }
  }
  tokens = std::move(read);
  return true;
}

std::string ExpertSection(const std::vector<ExpertTokens>& moments) {
  if (moments.empty()) return "";
  std::string section =
      "<section id=\"experts\" class=\"card\"><h2>Experts</h2>\n<p class=\"sub\">Tokens of each expert in a step: a row is a "
      "layer, a column an "
      "expert. The stronger the colour, the more of the layer's mean; the full colour got twice the mean or more, the page's "
      "own none.</p>\n"
      "<div class=\"maps\">\n";
  const size_t shown = std::min(moments.size(), kMostMoments);
  for (size_t i = 0; i < shown; ++i) {
    const ExpertTokens& moment = moments[shown == 1 ? 0 : i * (moments.size() - 1) / (shown - 1)];
    section += "<figure>" + Map(moment) + "<figcaption>step " + FormatCount(moment.step) +
               Format(", most over mean %.3g", Imbalance(moment)) + "</figcaption></figure>\n";
  }
  return section + "</div></section>\n";
}

}  // namespace horizon
