using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Encoders;
using LDaeCore.Model.Evaluation;
using LDaeCore.Model.Layers;
using LDaeCore.Model.Networks;
using LDaeCore.Model.Recipes;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Encoders;

/// <summary>ViTs in files as other programs write them: what is read, what is left out, what is refused.</summary>
public sealed class VitFileTests : FolderPerTest
{
    private static readonly VitConfiguration Small = new()
    {
        ImageSize = 8,
        Patch = 4,
        Width = 16,
        Depth = 2,
        Heads = 2,
        MlpRatio = 2,
        ClassToken = true,
        Activation = ActivationKind.GeluErf,
        Norm = VitNorm.Tokens,
        Pooling = FeaturePooling.Cls,
    };

    private string _path = "";

    [SetUp]
    public void SetUp()
    {
        _path = Folder["vit.safetensors"];
    }

    [Test]
    public void What_is_written_is_read_again([Values] bool token, [Values] VitNorm norm, [Values] ActivationKind activation)
    {
        var configuration = Small with
        {
            ClassToken = token,
            Norm = norm,
            Activation = activation,
            Pooling = token ? FeaturePooling.Cls : FeaturePooling.Mean,
            Range = PixelRange.Symmetric,
        };
        var weights = Random(configuration);
        TimmFolder.Write(Folder.Path, weights);
        var read = VitFile.Read(Folder.Path);
        Assert.That(read.Configuration with { Range = configuration.Range }, Is.EqualTo(configuration));
        Assert.That(read.Configuration.Range.ToArray(), Is.EqualTo(configuration.Range.ToArray()).Within(1e-9));
        Assert.That(read.Values.Keys, Is.EquivalentTo(weights.Values.Keys));
        foreach (var (name, values) in weights.Values)
        {
            Assert.That(read.Values[name], Is.EqualTo(values), name);
        }

        // The file alone says as much as the folder.
        File.Move(Folder[TimmFolder.ModelFile], _path);
        File.Delete(Folder["config.json"]);
        Assert.That(VitFile.Read(_path).Configuration with { Range = configuration.Range }, Is.EqualTo(configuration));
    }

    [Test]
    public void Heads_and_decoders_are_left_out_and_prefixes_taken_off()
    {
        var weights = Random(Small);
        Write([
            .. Tensors(weights).Select(t => t with { Name = "module." + t.Name }),
            ("module.head.weight", [3, 16], new float[48]), ("module.decoder_embed.weight", [4, 16], new float[64]), ("module.mask_token", [1, 1, 4], new float[4]),
        ]);
        var read = VitFile.Read(_path, new VitReadOptions { Heads = 2 });
        Assert.That(read.Values["blocks.1.mlp.fc2.weight"], Is.EqualTo(weights.Values["blocks.1.mlp.fc2.weight"]));
        Assert.That(read.Configuration.Pooling, Is.EqualTo(FeaturePooling.Cls), "a normalised class token is what such a model was trained with");
    }

    [Test]
    public void Factors_of_layer_scale_are_multiplied_in()
    {
        var weights = Random(Small);
        Write([.. Tensors(weights), ("blocks.0.ls1.gamma", [16], [.. Enumerable.Range(1, 16).Select(i => (float)i)])]);
        var read = VitFile.Read(_path, new VitReadOptions { Heads = 2 });
        const string layer = "blocks.0.attn.proj";
        Assert.That(read.Values[$"{layer}.weight"], Is.EqualTo(weights.Values[$"{layer}.weight"].Select((v, i) => v * (1 + (i / 16)))));
        Assert.That(read.Values[$"{layer}.bias"], Is.EqualTo(weights.Values[$"{layer}.bias"].Select((v, i) => v * (1 + i))));
    }

    [Test]
    public void Positions_that_are_missing_are_sines_and_cosines_and_need_a_size()
    {
        Write([.. Tensors(Random(Small)).Where(t => t.Name != "pos_embed")]);
        Assert.That(VitFile.Read(_path, new VitReadOptions { Heads = 2, ImageSize = 8 }).Values["pos_embed"][16..], Is.EqualTo(SinCosPositions.Table(2, 16)).Within(1e-6));
        Assert.That(
            () => VitFile.Read(_path, new VitReadOptions { Heads = 2 }), Throws.TypeOf<LdaeException>().With.Property("Remedy").Contains("--image-size"));
    }

    [Test]
    public void Positions_without_a_row_for_the_class_token_leave_it_without_one()
    {
        var weights = Random(Small);
        Write([.. Tensors(weights).Select(t => t.Name == "pos_embed" ? ("pos_embed", [1, 4, 16], t.Values[16..]) : t)]);
        Assert.That(VitFile.Read(_path, new VitReadOptions { Heads = 2 }).Values["pos_embed"], Is.EqualTo(new float[16].Concat(weights.Values["pos_embed"][16..])));
    }

    [TestCase("reg_token", new long[] { 1, 4, 16 }, "reg_token")]
    [TestCase("blocks.0.attn.q_norm.weight", new long[] { 8 }, "q_norm")]
    [TestCase("norm_pre.weight", new long[] { 16 }, "norm_pre")]
    [TestCase("fc_norm.weight", new long[] { 16 }, "fc_norm")]
    public void Parts_that_a_plain_vit_does_not_have_are_refused_by_name(string name, long[] shape, string named)
    {
        Write([.. Tensors(Random(Small)), (name, shape, new float[shape.Aggregate(1L, (a, b) => a * b)])]);
        Assert.That(() => VitFile.Read(_path, new VitReadOptions { Heads = 2 }), DataError(named));
    }

    [TestCase("blocks.1.norm1.bias")]
    [TestCase("blocks.0.attn.qkv.bias")]
    [TestCase("norm.bias")]
    [TestCase("patch_embed.proj.bias")]
    [TestCase("blocks.1.mlp.fc2.weight")]
    public void A_tensor_that_is_missing_is_named_and_not_taken_for_zeros(string name)
    {
        Write(Tensors(Random(Small)).Where(t => t.Name != name));
        Assert.That(() => VitFile.Read(_path, new VitReadOptions { Heads = 2 }), DataError(name));
    }

    [Test]
    public void Layers_without_a_bias_in_any_block_have_one_of_zeros()
    {
        Write(Tensors(Random(Small)).Where(t => !t.Name.EndsWith("attn.qkv.bias", StringComparison.Ordinal)));
        Assert.That(VitFile.Read(_path, new VitReadOptions { Heads = 2 }).Values["blocks.1.attn.qkv.bias"], Is.All.Zero);
    }

    [TestCase(float.NaN)]
    [TestCase(float.NegativeInfinity)]
    public void Values_that_are_no_numbers_are_refused_with_their_place(float value)
    {
        var weights = Random(Small);
        weights.Values["blocks.1.attn.qkv.weight"][5] = value;
        Write(Tensors(weights));
        Assert.That(() => VitFile.Read(_path, new VitReadOptions { Heads = 2 }), DataError("value 5 of 'blocks.1.attn.qkv.weight'"));
    }

    [Test]
    public void Heads_that_nothing_tells_are_asked_for()
    {
        Write(Tensors(Random(Small)));
        Assert.That(() => VitFile.Read(_path), DataError("how many attention heads").And.Property("Remedy").Contains("--heads"));
    }

    [TestCase("pos_embed", new long[] { 1, 4, 20 }, "pos_embed")]
    [TestCase("pos_embed", new long[] { 1, 8, 10 }, "pos_embed")]
    [TestCase("patch_embed.proj.weight", new long[] { 16, 4, 4, 3 }, "patch_embed")]
    [TestCase("blocks.1.attn.qkv.weight", new long[] { 16, 48 }, "attn.qkv")]
    [TestCase("blocks.0.mlp.fc1.weight", new long[] { 16, 32 }, "fc1")]
    [TestCase("norm.weight", new long[] { 4, 4 }, "norm.weight")]
    public void Shapes_that_do_not_fit_are_refused_with_both(string name, long[] shape, string named)
    {
        Write([.. Tensors(Random(Small)).Select(t => t.Name == name ? (name, shape, new float[shape.Aggregate(1L, (a, b) => a * b)]) : t)]);
        Assert.That(() => VitFile.Read(_path, new VitReadOptions { Heads = 2 }), DataError(named));
    }

    [TestCase("""{"model_args":{"num_heads":3}}""", "3 heads")]
    [TestCase("""{"model_args":{"num_heads":-1}}""", "num_heads")]
    [TestCase("""{"model_args":{"num_heads":2,"act_layer":"quick_gelu"}}""", "quick_gelu")]
    [TestCase("""{"model_args":{"num_heads":2,"img_size":16}}""", "16")]
    [TestCase("""{"global_pool":"map","model_args":{"num_heads":2}}""", "map")]
    [TestCase("""{"model_args":[]}""", "model_args")]
    [TestCase("""{"pretrained_cfg":{"mean":[0,0,0],"std":[1,1,0]}}""", "std")]
    [TestCase("nothing", "config.json")]
    [TestCase("[]", "config.json")]
    public void A_config_that_makes_no_sense_is_refused(string config, string named)
    {
        Write(Tensors(Random(Small)));
        Folder.Write("config.json", System.Text.Encoding.UTF8.GetBytes(config));
        Assert.That(() => VitFile.Read(_path), DataError(named));
    }

    [Test]
    public void A_cut_vit_has_the_features_of_the_whole_after_that_block()
    {
        var weights = Random(Small with { Norm = VitNorm.Pooled, Pooling = FeaturePooling.Mean });
        using var backend = new CpuBackend(1);
        using FeatureExtractor whole = new(new VitEncoder(backend, weights, 1), ownsEncoder: true);
        using FeatureExtractor cut = new(new VitEncoder(backend, VitCut.After(weights, 1), null), ownsEncoder: true);
        float[] expected = new float[16], actual = new float[16];
        var image = Enumerable.Range(0, 192).Select(i => (byte)(i * 37 % 256)).ToArray();
        whole.Extract(image, 0, expected);
        cut.Extract(image, 0, actual);
        Assert.That(actual, Is.EqualTo(expected));
        Assert.That(expected, Has.Some.Not.Zero);
    }

    [Test]
    public void Features_that_are_no_numbers_are_not_handed_to_a_probe()
    {
        var weights = Random(Small);
        weights.Values["norm.bias"].AsSpan().Fill(float.MaxValue);
        weights.Values["norm.weight"].AsSpan().Fill(float.MaxValue);
        using var backend = new CpuBackend(1);
        using FeatureExtractor extractor = new(new VitEncoder(backend, weights, null), ownsEncoder: true);
        Assert.That(
            () => extractor.Extract(new byte[2 * 8 * 8 * 3], 5, new float[2 * 16]),
            Throws.TypeOf<LdaeException>().With.Property("Kind").EqualTo(ErrorKind.Run).And.Message.Contains("of image 5 is"));
    }

    internal static VitWeights Random(VitConfiguration configuration)
    {
        var random = new Random(7);
        return new VitWeights(configuration, configuration.Parameters.ToDictionary(
            p => p.Name, p => Enumerable.Range(0, (int)p.Shape.Aggregate(1L, (a, b) => a * b)).Select(_ => (random.NextSingle() - 0.5f) * 0.6f).ToArray(), StringComparer.Ordinal));
    }

    internal static VitWeights Random() => Random(Small);

    private static List<(string Name, long[] Shape, float[] Values)> Tensors(VitWeights weights) =>
        [.. weights.Configuration.Parameters.Select(p => (p.Name, p.Shape, weights.Values[p.Name]))];

    private static NUnit.Framework.Constraints.EmptyConstraint DataError(string named) =>
        Throws.TypeOf<LdaeException>().With.Property("Kind").EqualTo(ErrorKind.Data).And.Message.Contains(named).And.Property("Remedy").Not.Empty;

    private void Write(IEnumerable<(string Name, long[] Shape, float[] Values)> tensors) =>
        SafetensorsWriter.Write(_path, [.. tensors.Select(t => SafetensorsTensor.F32(t.Name, t.Values, t.Shape))]);
}
