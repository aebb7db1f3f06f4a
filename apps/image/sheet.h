// A before/after sheet: a row for each pair, the two pictures side by side with a thin line between them,
// no text. Pictures are scaled down (area) to fit a cell; a smaller one keeps its size.
#pragma once
#include <vector>

#include "apps/image/image.h"

namespace onward::apps {

class Sheet {
 public:
  // `cell`: the longest side of a picture on the sheet, in pixels.
  explicit Sheet(int cell = 1024) : cell_(cell) {}

  void add(const Image& before, const Image& after);
  int rows() const { return static_cast<int>(rows_.size()); }

  // RGB on a white ground; rows are centred. There must be at least one row.
  Image draw() const;

 private:
  Image fit(const Image& image) const;
  int cell_;
  std::vector<Image> rows_;
};

}  // namespace onward::apps
