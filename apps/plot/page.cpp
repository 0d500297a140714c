#include "apps/plot/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/plot/canvas.h"
#include "runtime/io/files.h"

namespace dcgan {
namespace {

constexpr int kWidth = 960, kLeft = 96, kRight = 24;
constexpr int kPlotHeight = 220, kTitle = 28, kAxis = 32;
constexpr int kPanelHeight = kTitle + kPlotHeight + kAxis;
constexpr std::size_t kGrids = 6;
constexpr int kGap = 8;
constexpr int kGridSize = (kWidth - kGap) / static_cast<int>(kGrids) - kGap;
constexpr std::uint64_t kMaxGridBytes = std::uint64_t{1} << 28;

constexpr Color kInk = {40, 40, 40}, kFaint = {222, 222, 222};

struct Series {
  const char* column;  // of metrics.jsonl
  const char* label;
  Color color;
};

struct Range {
  double low = 0;
  double high = 1;
};

// Of finite values, a little wider than they are.
Range range_of(const RunRecord& record, const std::vector<Series>& all) {
  Range range{INFINITY, -INFINITY};
  for (const Series& series : all) {
    const auto found = record.curves.find(series.column);
    if (found == record.curves.end()) continue;
    for (const auto& [step, value] : found->second) {
      range = {std::min(range.low, value), std::max(range.high, value)};
    }
  }
  if (!(range.low <= range.high)) return {};
  const double margin = range.high > range.low ? 0.05 * (range.high - range.low) : 0.5;
  return {range.low - margin, range.high + margin};
}

int text_width(std::string_view text) {
  return static_cast<int>(text.size()) * Canvas::kLetterWidth;
}

// The frame, its ticks and their numbers.
void draw_axes(Canvas& canvas, int top, const Range& range, double last_step) {
  constexpr int kTicks = 4;
  const int bottom = top + kPlotHeight, width = kWidth - kLeft - kRight;
  for (int i = 0; i <= kTicks; ++i) {
    const int y = bottom - kPlotHeight * i / kTicks;
    canvas.line({kLeft, y}, {kLeft + width, y}, kFaint);
    const std::string value =
        fmt::format("{:.3g}", range.low + (range.high - range.low) * i / kTicks);
    canvas.text({kLeft - 8 - text_width(value), y - Canvas::kLetterHeight / 2}, value, kInk);
    const std::string step = fmt::format("{:.0f}", last_step * i / kTicks);
    const int x = kLeft + width * i / kTicks;
    canvas.line({x, bottom}, {x, bottom + 4}, kInk);
    canvas.text({std::min(x - text_width(step) / 2, kWidth - text_width(step)), bottom + 8}, step,
                kInk);
  }
  canvas.line({kLeft, top}, {kLeft, bottom}, kInk);
  canvas.line({kLeft, bottom}, {kLeft + width, bottom}, kInk);
}

void draw_curve(Canvas& canvas, int top, const Range& range, double last_step, const Curve& curve,
                Color color) {
  const auto place = [&](const std::pair<double, double>& at) {
    const double right = at.first / std::max(last_step, 1.0);
    const double up = (at.second - range.low) / (range.high - range.low);
    return Point{kLeft + static_cast<int>(right * (kWidth - kLeft - kRight)),
                 top + static_cast<int>((1 - up) * kPlotHeight)};
  };
  for (std::size_t i = 0; i < curve.size(); ++i) {
    const Point from = place(curve[i == 0 ? 0 : i - 1]), to = place(curve[i]);
    canvas.line(from, to, color);
    canvas.line({from.x, from.y + 1}, {to.x, to.y + 1}, color);
  }
}

void draw_panel(Canvas& canvas, int top, const RunRecord& record, const Range& range,
                const std::vector<Series>& all) {
  const int plot_top = top + kTitle;
  draw_axes(canvas, plot_top, range, record.last_step);
  int x = kLeft;
  for (const Series& series : all) {
    const auto found = record.curves.find(series.column);
    if (found == record.curves.end()) continue;
    draw_curve(canvas, plot_top, range, record.last_step, found->second, series.color);
    canvas.rectangle({x, top + 12}, 16, 4, series.color);
    canvas.text({x + 24, top + 9}, series.label, kInk);
    x += 24 + text_width(series.label) + 32;
  }
}

void draw_grids(Canvas& canvas, int top, const RunRecord& record) {
  int x = kGap;
  for (const auto& [step, path] : record.grids) {
    const Image grid =
        convert_channels(decode_image(read_file(path, kMaxGridBytes), path.string()), /*wanted=*/3);
    const int longest = std::max(grid.width, grid.height);
    canvas.picture({x, top}, std::max(1, kGridSize * grid.width / longest),
                   std::max(1, kGridSize * grid.height / longest), grid);
    canvas.text({x, top + kGridSize + 6}, fmt::format("step {}", step), kInk);
    x += kGridSize + kGap;
  }
}

}  // namespace

Image draw_page(const RunRecord& record) {
  const RunRecord shown = with_grids(record, kGrids);
  const std::vector<Series> losses = {{"errD", "Loss_D", {31, 119, 180}},
                                      {"errG", "Loss_G", {214, 88, 20}}};
  const std::vector<Series> outputs = {{"D_x", "D(x)", {31, 119, 180}},
                                       {"D_G_z1", "D(G(z))", {214, 88, 20}}};
  const int grids = shown.grids.empty() ? 0 : kGridSize + 40;
  Canvas canvas(kWidth, 2 * kPanelHeight + kGap + grids);
  draw_panel(canvas, 0, shown, range_of(shown, losses), losses);
  draw_panel(canvas, kPanelHeight, shown, range_of(shown, outputs), outputs);
  draw_grids(canvas, 2 * kPanelHeight + 2 * kGap, shown);
  return canvas.image();
}

}  // namespace dcgan
