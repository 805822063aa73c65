using System.Buffers;
using System.Text;
using System.Text.Json;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Networks;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Encoders;

/// <summary>
/// The config.json that timm keeps beside a file of weights: an architecture it knows, what differs from it (<c>model_args</c>), and how
/// images are prepared (<c>pretrained_cfg</c>).
/// </summary>
internal static class TimmConfig
{
    /// <summary>Its name.</summary>
    public const string FileName = "config.json";

    /// <summary>Longest that is read; real ones have two kilobytes.</summary>
    public const long MaxBytes = 1 << 20;

    private const string Tanh = "gelu_tanh", Erf = "gelu", Average = "avg", Token = "token";

    /// <summary>Says a configuration in timm's words.</summary>
    /// <param name="vit">The configuration.</param>
    /// <returns>Indented JSON.</returns>
    public static string Write(VitConfiguration vit)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("architecture", vit.Width switch
            {
                <= 192 => "vit_tiny_patch16_224",
                <= 384 => "vit_small_patch16_224",
                <= 768 => "vit_base_patch16_224",
                _ => "vit_large_patch16_224",
            });
            json.WriteNumber("num_classes", 0);
            json.WriteNumber("num_features", vit.Width);
            json.WriteString("global_pool", PoolingOf(vit));
            json.WriteStartObject("model_args");
            WriteArguments(json, vit);
            json.WriteEndObject();
            json.WriteStartObject("pretrained_cfg");
            WritePreparation(json, vit);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan) + "\n";
    }

    /// <summary>Takes from a config.json what it says; the options go over it.</summary>
    /// <param name="text">UTF-8 JSON.</param>
    /// <param name="path">Where it is from, for messages.</param>
    /// <param name="options">What is known already.</param>
    /// <returns>The options, with what was missing.</returns>
    /// <exception cref="LdaeException">Data: no JSON object, or a value that makes no sense here.</exception>
    public static VitReadOptions Read(ReadOnlyMemory<byte> text, string path, VitReadOptions options)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            var root = json.RootElement;
            var (arguments, preparation) = (Inner(root, "model_args"), Inner(root, "pretrained_cfg"));
            return options with
            {
                Heads = options.Heads ?? Whole(arguments, "num_heads"),
                ImageSize = options.ImageSize ?? Whole(arguments, "img_size") ?? InputSide(preparation),
                Activation = options.Activation ?? ActivationOf(Word(arguments, "act_layer")),
                Pooling = options.Pooling ?? PoolingOf(Word(arguments, "global_pool") ?? Word(root, "global_pool")),
                Range = options.Range ?? RangeOf(preparation),
            };
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            throw new LdaeException(
                ErrorKind.Data, $"{path} is no config.json of timm: {e.Message.TrimEnd('.')}.", "Correct or remove it, and say --heads and what else it should tell.", e);
        }
    }

    private static void WriteArguments(Utf8JsonWriter json, VitConfiguration vit)
    {
        json.WriteNumber("img_size", vit.ImageSize);
        json.WriteNumber("patch_size", vit.Patch);
        json.WriteNumber("embed_dim", vit.Width);
        json.WriteNumber("depth", vit.Depth);
        json.WriteNumber("num_heads", vit.Heads);
        json.WriteNumber("mlp_ratio", vit.MlpRatio);
        json.WriteBoolean("qkv_bias", true);
        json.WriteBoolean("class_token", vit.ClassToken);
        json.WriteString("global_pool", PoolingOf(vit));
        json.WriteBoolean("final_norm", vit.Norm != VitNorm.None);
        json.WriteBoolean("fc_norm", vit.Norm == VitNorm.Pooled);
        json.WriteString("act_layer", vit.Activation == ActivationKind.GeluErf ? Erf : Tanh);
        json.WriteNumber("num_classes", 0);
    }

    private static void WritePreparation(Utf8JsonWriter json, VitConfiguration vit)
    {
        json.WriteStartArray("input_size");
        foreach (var size in (int[])[PatchPixels.Channels, vit.ImageSize, vit.ImageSize])
        {
            json.WriteNumberValue(size);
        }

        json.WriteEndArray();
        json.WriteBoolean("fixed_input_size", true);
        json.WriteString("interpolation", "bicubic");
        json.WriteNumber("crop_pct", 1.0);
        json.WriteString("crop_mode", "center");
        WriteChannels("mean", c => -vit.Range.Offset[c] / (255 * vit.Range.Factor[c]));
        WriteChannels("std", c => 1 / (255 * vit.Range.Factor[c]));
        json.WriteNumber("num_classes", 0);
        json.WriteString("first_conv", "patch_embed.proj");
        json.WriteString("classifier", "head");

        void WriteChannels(string name, Func<int, double> value)
        {
            json.WriteStartArray(name);
            for (var c = 0; c < PatchPixels.Channels; c++)
            {
                // What is meant is 0.485, not the last bits of the way there.
                json.WriteNumberValue(Math.Round(value(c), 12));
            }

            json.WriteEndArray();
        }
    }

    private static string PoolingOf(VitConfiguration vit) => vit.ClassToken && vit.Pooling == FeaturePooling.Cls ? Token : Average;

    private static FeaturePooling? PoolingOf(string? word) => word switch
    {
        null or "" => null,
        Token => FeaturePooling.Cls,
        Average => FeaturePooling.Mean,
        _ => throw new FormatException($"global_pool is '{word}', where token or avg can be read"),
    };

    private static ActivationKind? ActivationOf(string? word) => word switch
    {
        null => null,
        Tanh => ActivationKind.GeluTanh,
        Erf => ActivationKind.GeluErf,
        _ => throw new FormatException($"act_layer is '{word}', where gelu or gelu_tanh can be read"),
    };

    private static PixelRange? RangeOf(JsonElement preparation)
    {
        if (Numbers(preparation, "mean") is not { } mean || Numbers(preparation, "std") is not { } std)
        {
            return null;
        }

        return mean.Length == PatchPixels.Channels && std.Length == PatchPixels.Channels && mean.All(double.IsFinite) && std.All(s => s is > 1e-6 and < 1e6)
            ? new PixelRange([.. std.Select(s => 1 / (255 * s))], [.. mean.Zip(std, (m, s) => -m / s)])
            : throw new FormatException("mean and std are not three numbers each, std above 0");
    }

    private static int? InputSide(JsonElement preparation) => Numbers(preparation, "input_size") switch
    {
        null => null,
        [PatchPixels.Channels, var height, var width] when height == width && height is >= 1 and <= int.MaxValue && height == Math.Truncate(height) => (int)height,
        _ => throw new FormatException("input_size is not [3, side, side]"),
    };

    private static JsonElement Inner(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var inner) && inner.ValueKind != JsonValueKind.Null
            ? inner.ValueKind == JsonValueKind.Object ? inner : throw new FormatException($"{name} is no object")
            : default;

    private static JsonElement? Value(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static string? Word(JsonElement parent, string name) => Value(parent, name)?.GetString();

    private static int? Whole(JsonElement parent, string name) => Value(parent, name) is { } value
        ? value.TryGetInt32(out var number) && number > 0 ? number : throw new FormatException($"{name} is no whole number from 1")
        : null;

    private static double[]? Numbers(JsonElement parent, string name) =>
        Value(parent, name) is { } value ? [.. value.EnumerateArray().Select(number => number.GetDouble())] : null;
}
