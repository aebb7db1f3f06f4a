"""MaxRoiPool against ONNX Runtime: regions of all sizes, beyond the image too, whose ends fall on no half."""

import nets
import numpy as np
import onward
import pytest
from onnx import helper as h


@pytest.mark.parametrize("pooled,scale", [((1, 1), 1.0), ((2, 3), 1.0), ((7, 5), 0.5), ((3, 3), 1.7)])
def test_regions(pooled, scale):
    onnxruntime = pytest.importorskip("onnxruntime")
    random = np.random.default_rng(1)
    x = random.standard_normal((2, 3, 9, 11)).astype("f")
    corners = np.sort(random.uniform(-4, 16, (40, 2, 2)), axis=1).reshape(40, 4)
    rois = np.hstack([random.integers(0, 2, (40, 1)), corners]).astype("f")
    node = h.make_node("MaxRoiPool", ["x", "rois"], ["y"], pooled_shape=pooled, spatial_scale=scale)
    model = nets.model([node], [nets.tensor("x", x.shape), nets.tensor("rois", rois.shape)], [nets.tensor("y", None)])
    data, feeds = model.SerializeToString(), {"x": x, "rois": rois}
    (expected,) = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, feeds)
    np.testing.assert_array_equal(onward.InferenceSession(data).run(None, feeds)[0], expected)


def test_a_region_of_no_image_is_refused():
    node = h.make_node("MaxRoiPool", ["x", "rois"], ["y"], pooled_shape=[1, 1])
    model = nets.model([node], [nets.tensor("x", (1, 1, 2, 2)), nets.tensor("rois", (1, 5))], [nets.tensor("y", None)])
    session = onward.InferenceSession(model.SerializeToString())
    for image in (1, -1, np.nan):
        feeds = {"x": np.zeros((1, 1, 2, 2), "f"), "rois": np.array([[image, 0, 0, 1, 1]], "f")}
        with pytest.raises(onward.Error, match="image"):
            session.run(None, feeds)
