using LDaeCore.Model.Networks;
using LDaeCore.Model.Protobuf;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Encoders;

/// <summary>
/// A ViT as an ONNX graph of opset 17: bytes in, features out. The values of pixels are part of the graph, so nothing is left to be
/// prepared but the size of the image.
/// </summary>
/// <param name="weights">The ViT.</param>
internal sealed class OnnxEncoder(VitWeights weights)
{
    /// <summary>Name of the input, bytes [batch, H, W, 3].</summary>
    public const string Input = "images";

    /// <summary>Name of the output, float32 [batch, C].</summary>
    public const string Output = "features";

    /// <summary>LayerNormalization is an operator since this one.</summary>
    public const int Opset = 17;

    private const float Epsilon = 1e-6f;

    private readonly OnnxGraph _graph = new();
    private readonly VitConfiguration _vit = weights.Configuration;

    /// <summary>The graph.</summary>
    public ProtoMessage Build()
    {
        _graph.Integers("index_0", true, 0);
        _graph.Integers("index_1", true, 1);
        _graph.Integers("index_2", true, 2);
        _graph.Integers("qkv_shape", false, 0, 0, 3, _vit.Heads, _vit.Width / _vit.Heads);
        _graph.Integers("merged_shape", false, 0, 0, _vit.Width);
        _graph.Constant("attention_scale", [(float)(1 / Math.Sqrt(_vit.Width / _vit.Heads))]);
        Activation();
        var tokens = Embed();
        for (var i = 0; i < _vit.Depth; i++)
        {
            tokens = Block(tokens, $"blocks.{i}");
        }

        Feature(tokens);
        return _graph.Build(
            "encoder",
            (Input, OnnxGraph.UInt8, [null, _vit.ImageSize, _vit.ImageSize, Data.PatchPixels.Channels]),
            (Output, OnnxGraph.Float, [null, _vit.Width]));
    }

    /// <summary>Bytes to values, a convolution whose kernel is a patch, class token and positions.</summary>
    private string Embed()
    {
        var (width, patch, tokens) = (_vit.Width, (long)_vit.Patch, _vit.Tokens);
        _graph.Constant("pixel_factor", [.. _vit.Range.Factor.Select(v => (float)v)], 3);
        _graph.Constant("pixel_offset", [.. _vit.Range.Offset.Select(v => (float)v)], 3);
        var values = _graph.Node("Cast", [Input], ("to", (long)OnnxGraph.Float));
        values = _graph.Node("Add", [_graph.Node("Mul", [values, "pixel_factor"]), "pixel_offset"]);
        values = _graph.Node("Transpose", [values], ("perm", new long[] { 0, 3, 1, 2 }));
        var kernel = _graph.Constant("patch_embed.proj.weight", weights.Values["patch_embed.proj.weight"], width, 3, patch, patch);
        var patches = _graph.Node(
            "Conv", [values, kernel, Vector("patch_embed.proj.bias")], ("kernel_shape", new[] { patch, patch }), ("strides", new[] { patch, patch }));
        _graph.Integers("token_shape", false, 0, width, -1);
        patches = _graph.Node("Transpose", [_graph.Node("Reshape", [patches, "token_shape"])], ("perm", new long[] { 0, 2, 1 }));
        var positions = (float[])weights.Values["pos_embed"].Clone();
        if (_vit.ClassToken)
        {
            // A row of zeros before the patches becomes the class token as its position is added.
            var token = weights.Values["cls_token"];
            for (var i = 0; i < width; i++)
            {
                positions[i] += token[i];
            }

            patches = _graph.Node("Pad", [patches, _graph.Integers("prefix", false, 0, 1, 0, 0, 0, 0)]);
        }

        return _graph.Node("Add", [patches, _graph.Constant("positions", positions, 1, tokens, width)]);
    }

    private string Block(string tokens, string name)
    {
        var attended = Linear(Attention(Linear(Norm(tokens, $"{name}.norm1"), $"{name}.attn.qkv")), $"{name}.attn.proj");
        tokens = _graph.Node("Add", [tokens, attended]);
        var hidden = Activate(Linear(Norm(tokens, $"{name}.norm2"), $"{name}.mlp.fc1"));
        return _graph.Node("Add", [tokens, Linear(hidden, $"{name}.mlp.fc2")]);
    }

    /// <summary>softmax(Q K^T / sqrt(D)) V, head by head, from [batch, T, 3C].</summary>
    private string Attention(string qkv)
    {
        var heads = _graph.Node("Transpose", [_graph.Node("Reshape", [qkv, "qkv_shape"])], ("perm", new long[] { 2, 0, 3, 1, 4 }));
        string Part(string index) => _graph.Node("Gather", [heads, index], ("axis", 0L));
        var queries = _graph.Node("Mul", [Part("index_0"), "attention_scale"]);
        var keys = _graph.Node("Transpose", [Part("index_1")], ("perm", new long[] { 0, 1, 3, 2 }));
        var shares = _graph.Node("Softmax", [_graph.Node("MatMul", [queries, keys])], ("axis", -1L));
        var mixed = _graph.Node("Transpose", [_graph.Node("MatMul", [shares, Part("index_2")])], ("perm", new long[] { 0, 2, 1, 3 }));
        return _graph.Node("Reshape", [mixed, "merged_shape"]);
    }

    private void Feature(string tokens)
    {
        if (_vit.Norm == VitNorm.Tokens)
        {
            tokens = Norm(tokens, _vit.NormName!);
        }

        string pooled;
        if (_vit is { ClassToken: true, Pooling: FeaturePooling.Cls })
        {
            pooled = _graph.Node("Gather", [tokens, "index_0"], ("axis", 1L));
        }
        else
        {
            if (_vit.ClassToken)
            {
                tokens = _graph.Node(
                    "Slice", [tokens, _graph.Integers("first", false, 1), _graph.Integers("last", false, _vit.Tokens), _graph.Integers("token_axis", false, 1)]);
            }

            pooled = _graph.Node("ReduceMean", [tokens], ("axes", new long[] { 1 }), ("keepdims", 0L));
        }

        _graph.Named(Output, "Identity", [_vit.Norm == VitNorm.Pooled ? Norm(pooled, _vit.NormName!) : pooled]);
    }

    private string Norm(string x, string name) =>
        _graph.Node("LayerNormalization", [x, Vector($"{name}.weight"), Vector($"{name}.bias")], ("axis", -1L), ("epsilon", Epsilon));

    /// <summary>x W^T + b. MatMul takes the weight as [inputs, outputs].</summary>
    private string Linear(string x, string name)
    {
        var outputs = weights.Values[$"{name}.bias"].Length;
        var weight = weights.Values[$"{name}.weight"];
        var inputs = weight.Length / outputs;
        var transposed = new float[weight.Length];
        for (var i = 0; i < weight.Length; i++)
        {
            transposed[(i % inputs * outputs) + (i / inputs)] = weight[i];
        }

        return _graph.Node("Add", [_graph.Node("MatMul", [x, _graph.Constant($"{name}.weight", transposed, inputs, outputs)]), Vector($"{name}.bias")]);
    }

    private string Vector(string name) => _graph.Constant(name, weights.Values[name], weights.Values[name].Length);

    /// <summary>The constants of the nonlinearity; Gelu itself is an operator only since opset 20.</summary>
    private void Activation()
    {
        _graph.Constant("half", [0.5f]);
        _graph.Constant("one", [1f]);
        if (_vit.Activation == ActivationKind.GeluErf)
        {
            _graph.Constant("gelu_slope", [(float)Math.Sqrt(0.5)]);
            return;
        }

        _graph.Constant("gelu_slope", [(float)Math.Sqrt(2 / Math.PI)]);
        _graph.Constant("gelu_cube", [0.044715f]);
    }

    /// <summary>x/2 (1 + f(u)): erf of x / sqrt 2, or tanh of sqrt(2/pi) (x + 0.044715 x^3).</summary>
    private string Activate(string x)
    {
        var isExact = _vit.Activation == ActivationKind.GeluErf;
        var inner = x;
        if (!isExact)
        {
            var cube = _graph.Node("Mul", [_graph.Node("Mul", [_graph.Node("Mul", [x, x]), x]), "gelu_cube"]);
            inner = _graph.Node("Add", [x, cube]);
        }

        var bent = _graph.Node(isExact ? "Erf" : "Tanh", [_graph.Node("Mul", [inner, "gelu_slope"])]);
        return _graph.Node("Mul", [_graph.Node("Mul", [x, "half"]), _graph.Node("Add", [bent, "one"])]);
    }
}
