using System.Globalization;
using System.Text;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Layers;
using LDaeCore.Model.Networks;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Encoders;

/// <summary>
/// Reads a ViT's weights from a safetensors file with timm's or MAE's names. Sizes come from the tensors' shapes; what shapes do not tell
/// (heads, nonlinearity, pooling, pixel values) comes from options, from the config.json beside the file, or from its kind. Every shape is
/// checked before its tensor is read. A part that a plain ViT does not have is refused by name, a head or decoder left out; the factors of
/// LayerScale are multiplied into the layers before them.
/// </summary>
public static class VitFile
{
    private const string PatchWeight = "patch_embed.proj.weight";

    /// <summary>Largest table of positions that is made for a file without one, in values.</summary>
    private const long MostPositions = 1 << 26;

    // Layers that some ViTs train without a bias; all others have one.
    private static readonly string[] MayLackBias = ["attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2"];

    // What stands after the encoder, or was used in its training alone.
    private static readonly string[] LeftOut = ["head.", "decoder", "mask_token", "fc.", "pre_logits."];

    /// <summary>Whether a path is such a file, or a folder with one.</summary>
    /// <param name="path">What a user named.</param>
    /// <returns>False for anything else, also for what cannot be read.</returns>
    public static bool Recognises(string path)
    {
        try
        {
            using var file = SafetensorsFile.Open(FileOf(path));
            return file.Entries.Any(e => IsPatchWeight(e.Name));
        }
        catch (LdaeException)
        {
            return false;
        }
    }

    /// <summary>The file of weights behind a path.</summary>
    /// <param name="path">A file, or a folder with model.safetensors.</param>
    /// <returns>The file's path; it may not exist.</returns>
    public static string FileOf(string path) => Directory.Exists(path) ? Path.Combine(path, TimmFolder.ModelFile) : path;

    /// <summary>Reads an encoder.</summary>
    /// <param name="path">A file, or a folder with model.safetensors.</param>
    /// <param name="options">What is known of it.</param>
    /// <returns>The encoder.</returns>
    /// <exception cref="LdaeException">Data: no such file, damaged, or not a plain ViT; the message names the tensor and the figures.</exception>
    public static VitWeights Read(string path, VitReadOptions? options = null)
    {
        using var file = SafetensorsFile.Open(FileOf(path));
        var reading = new Reading(file);
        return reading.Weights(WithConfig(file, options ?? new VitReadOptions()));
    }

    private static bool IsPatchWeight(string name) => name == PatchWeight || name.EndsWith("." + PatchWeight, StringComparison.Ordinal);

    /// <summary>What a config.json beside the file, or the copy in its header, tells.</summary>
    private static VitReadOptions WithConfig(SafetensorsFile file, VitReadOptions options)
    {
        var beside = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(file.Path))!, TimmConfig.FileName);
        if (!File.Exists(beside))
        {
            return file.Metadata.TryGetValue(TimmFolder.ConfigKey, out var copy) ? TimmConfig.Read(Encoding.UTF8.GetBytes(copy), file.Path, options) : options;
        }

        try
        {
            return new FileInfo(beside).Length <= TimmConfig.MaxBytes
                ? TimmConfig.Read(File.ReadAllBytes(beside), beside, options)
                : throw new LdaeException(ErrorKind.Data, $"{beside} is longer than {TimmConfig.MaxBytes} bytes.", "Remove it, or give the config.json of the weights.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LdaeException(ErrorKind.Data, $"{beside} cannot be read: {e.Message}", "Make it readable, or remove it.", e);
        }
    }

    /// <summary>One file being read: its tensors without the prefix that some programs put before all names.</summary>
    private sealed class Reading
    {
        private readonly SafetensorsFile _file;
        private readonly string _prefix;
        private readonly HashSet<string> _left;

        public Reading(SafetensorsFile file)
        {
            _file = file;
            var found = file.Entries.Where(e => IsPatchWeight(e.Name)).Select(e => e.Name).ToList();
            _prefix = found.Count == 1
                ? found[0][..^PatchWeight.Length]
                : throw Bad($"it has {found.Count} tensors called {PatchWeight}, where one is needed");
            _left = [.. file.Entries.Where(e => e.Name.StartsWith(_prefix, StringComparison.Ordinal)).Select(e => e.Name[_prefix.Length..])];
        }

        public VitWeights Weights(VitReadOptions options)
        {
            var configuration = Configuration(options);
            var values = new Dictionary<string, float[]>(StringComparer.Ordinal);
            foreach (var (name, shape) in configuration.Parameters.Where(p => p.Name != "pos_embed"))
            {
                values[name] = Lacks(name, configuration.Depth) ? new float[shape[0]] : Read(name, shape);
            }

            values["pos_embed"] = Positions(configuration);
            for (var i = 0; i < configuration.Depth; i++)
            {
                Scale($"blocks.{i}.ls1.gamma", $"blocks.{i}.attn.proj", configuration.Width, values);
                Scale($"blocks.{i}.ls2.gamma", $"blocks.{i}.mlp.fc2", configuration.Width, values);
            }

            var unknown = _left.Where(name => !LeftOut.Any(part => name.StartsWith(part, StringComparison.Ordinal))).Order(StringComparer.Ordinal).FirstOrDefault();
            return unknown is null ? new VitWeights(configuration, values) : throw Bad($"its tensor '{unknown}' belongs to no plain ViT");
        }

        private VitConfiguration Configuration(VitReadOptions options)
        {
            var patch = Shape(PatchWeight, 4);
            if (patch[1] != PatchPixels.Channels || patch[2] != patch[3])
            {
                throw Bad($"'{PatchWeight}' has the shape [{string.Join(", ", patch)}], where [width, 3, patch, patch] is needed");
            }

            var (width, side) = (Positive(patch[0], PatchWeight), Positive(patch[2], PatchWeight));
            var depth = 0;
            while (Has($"blocks.{depth}.norm1.weight"))
            {
                depth++;
            }

            const string mlp = "blocks.0.mlp.fc1.weight";
            var hidden = depth > 0 ? Positive(Shape(mlp, 2)[0], mlp) : throw Bad("it has no 'blocks.0.norm1.weight'");
            if (hidden < width || hidden % width != 0)
            {
                throw Bad($"its MLPs are {hidden} wide, where a multiple of the width {width} can be read");
            }

            var (token, norm) = (Has("cls_token"), Has("norm.weight") ? VitNorm.Tokens : Has("fc_norm.weight") ? VitNorm.Pooled : VitNorm.None);
            var heads = options.Heads ?? UsualHeads(width);
            if (heads < 1 || width % heads != 0)
            {
                var what = heads < 1
                    ? $" does not say how many attention heads it has, and its width of {width} is no multiple of 64"
                    : $": a width of {width} does not take {heads} heads";
                throw new LdaeException(ErrorKind.Data, $"{_file.Path}{what}.", "Add --heads with the number of attention heads, a divisor of the width.");
            }

            var pooling = options.Pooling ?? (token && norm == VitNorm.Tokens ? FeaturePooling.Cls : FeaturePooling.Mean);
            if (pooling == FeaturePooling.Cls && !token)
            {
                throw new LdaeException(ErrorKind.Data, $"{_file.Path} has no class token to be pooled.", "Use --pooling mean.");
            }

            return new VitConfiguration
            {
                ImageSize = Grid(options, width, side, token) * side,
                Patch = side,
                Width = width,
                Depth = depth,
                Heads = heads,
                MlpRatio = hidden / width,
                ClassToken = token,
                Activation = options.Activation ?? ActivationKind.GeluErf,
                Norm = norm,
                Pooling = pooling,
                Range = options.Range ?? PixelRange.ImageNet,
            };
        }

        /// <summary>Patches along a side: from the positions, or where there are none from the size of an image.</summary>
        private int Grid(VitReadOptions options, int width, int patch, bool token)
        {
            if (!Has("pos_embed"))
            {
                return options.ImageSize is { } size && size % patch == 0 && (long)(size / patch) * (size / patch) * width is > 0 and <= MostPositions && width % 4 == 0
                    ? size / patch
                    : throw new LdaeException(
                        ErrorKind.Data,
                        $"{_file.Path} has no 'pos_embed', and sine-cosine positions cannot be made: patches of {patch}, width {width}, image size {Text(options.ImageSize)}.",
                        "Add --image-size with the side of an image, a multiple of the patch; the width must be a multiple of 4.");
            }

            var rows = Shape("pos_embed", 3)[1];
            var grid = Root(token && Root(rows - 1) > 0 ? rows - 1 : rows);
            if (grid == 0)
            {
                throw Bad($"'pos_embed' has {rows} rows, which fit no square of patches{(token ? " with or without a class token" : "")}");
            }

            return options.ImageSize is not { } told || told == (long)grid * patch
                ? Positive((long)grid * patch, "pos_embed") / patch
                : throw Bad($"'pos_embed' is for images of {(long)grid * patch} pixels, where {told} are stated");
        }

        /// <summary>The positions with a row for the class token, which some models leave without one.</summary>
        private float[] Positions(VitConfiguration configuration)
        {
            var (width, token) = (configuration.Width, configuration.ClassToken ? configuration.Width : 0);
            if (!Has("pos_embed"))
            {
                return [.. new float[token], .. SinCosPositions.Table(configuration.Grid, width).Select(v => (float)v)];
            }

            var rows = Shape("pos_embed", 3)[1];
            var read = Read("pos_embed", [1, rows, width]);
            return rows == configuration.Tokens ? read : [.. new float[token], .. read];
        }

        private void Scale(string name, string layer, int width, Dictionary<string, float[]> values)
        {
            if (!Has(name))
            {
                return;
            }

            var gamma = Read(name, [width]);
            foreach (var scaled in (float[][])[values[$"{layer}.weight"], values[$"{layer}.bias"]])
            {
                var columns = scaled.Length / width;
                for (var i = 0; i < scaled.Length; i++)
                {
                    scaled[i] *= gamma[i / columns];
                }
            }
        }

        private bool Has(string name) => _file.Contains(_prefix + name);

        /// <summary>Whether a parameter is a bias that no block has. One that is missing in some blocks only has been lost.</summary>
        private bool Lacks(string name, int depth) =>
            MayLackBias.FirstOrDefault(layer => name.EndsWith($".{layer}.bias", StringComparison.Ordinal)) is { } found
            && !Enumerable.Range(0, depth).Any(i => Has($"blocks.{i}.{found}.bias"));

        private IReadOnlyList<long> Shape(string name, int rank)
        {
            var shape = _file[_prefix + name].Shape;
            return shape.Count == rank ? shape : throw Bad($"'{name}' has the shape [{string.Join(", ", shape)}], where {rank} axes are needed");
        }

        private float[] Read(string name, long[] expected)
        {
            var shape = _file[_prefix + name].Shape;
            if (!shape.SequenceEqual(expected))
            {
                throw Bad($"'{name}' has the shape [{string.Join(", ", shape)}], where [{string.Join(", ", expected)}] is needed");
            }

            _left.Remove(name);
            var values = _file.ReadFloats(_prefix + name);
            return Array.FindIndex(values, value => !float.IsFinite(value)) is >= 0 and var at
                ? throw Bad($"value {at} of '{name}' is {values[at].ToString(CultureInfo.InvariantCulture)}")
                : values;
        }

        /// <summary>A size that further sizes are made of: small enough that its products are numbers.</summary>
        private int Positive(long size, string name) =>
            size is > 0 and <= 1 << 16 ? (int)size : throw Bad($"'{name}' gives a size of {size}, where 1 to {1 << 16} can be read");

        private static int Root(long square)
        {
            var root = (long)Math.Sqrt(square);
            return square > 0 && root * root == square && root <= 1 << 16 ? (int)root : 0;
        }

        /// <summary>Heads of 64 columns, but for the two largest of the published sizes and what does not divide.</summary>
        private static int UsualHeads(int width) => width is 1280 or 1408 ? 16 : width % 64 == 0 ? width / 64 : 0;

        private static string Text(int? size) => size?.ToString(CultureInfo.InvariantCulture) ?? "not stated";

        private LdaeException Bad(string what) => new(
            ErrorKind.Data, $"{_file.Path} is no ViT that can be read: {what}.", "Give a plain ViT with timm's or MAE's names; 'ldae inspect' lists what a file holds.");
    }
}
