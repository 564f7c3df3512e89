"""Operations of TensorFlow that tf2onnx does not know, in those of ONNX. Importing it teaches tf2onnx."""

import numpy as np
from tf2onnx.handler import tf_op
from tf2onnx.utils import map_onnx_to_numpy_type


@tf_op("Erfc")
class Erfc:
    """erfc(x) = 1 − erf(x), as in the exact GELU."""

    @classmethod
    def version_9(cls, ctx, node, **options):
        """ONNX has Erf from version 9 on."""
        dtype = map_onnx_to_numpy_type(ctx.get_dtype(node.input[0]))
        one = ctx.make_const(f"{node.name}/one", np.ones((), dtype))
        inputs, outputs = list(node.input), list(node.output)
        kind = {"shapes": [ctx.get_shape(outputs[0])], "dtypes": [ctx.get_dtype(outputs[0])]}
        ctx.remove_node(node.name)
        erf = ctx.make_node("Erf", inputs, **kind)
        ctx.make_node("Sub", [one.output[0], erf.output[0]], outputs=outputs, name=node.name, **kind)
