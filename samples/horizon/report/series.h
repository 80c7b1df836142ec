// Curves of a run's report: named series of any length, thinned to what a page can show, and put into charts.
#ifndef HORIZON_LM_SAMPLES_HORIZON_REPORT_SERIES_H_
#define HORIZON_LM_SAMPLES_HORIZON_REPORT_SERIES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "samples/horizon/base/json.h"

namespace horizon {

struct Point {
  int64_t step;
  double value;  // NaN and infinities are values like others
};

struct Series {
  std::string name;  // as in the log: "loss", "rewards/chosen"
  std::vector<Point> points;
};

// At most about `most` of the points, all of them measured ones: of each of most / 4 stretches the first, the smallest, the largest and the
// last, and the first that is not finite. So no spike is lost, whatever the length.
std::vector<Point> Thin(const std::vector<Point>& points, size_t most);

// Means of `stretches` stretches, each at its middle step, finite values only: the line that an eye would draw through noise. Empty
// where there are too few points to need one.
std::vector<Point> Trend(const std::vector<Point>& points, size_t stretches);

// [{"title", "series": [{"name", "label", "points", "measured", "trend"}]}]: related series in one chart, well known ones first, any
// other in a chart of its own. Points are [steps, values]; what is not finite is "nan", "inf" or "-inf". Counters of tokens and the
// like, whose curve says nothing, have none. The title of the loss says what it is of in this task.
Json ChartsOf(const std::vector<Series>& series, const std::string& task);

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_REPORT_SERIES_H_
