using System.Globalization;
using System.Text.RegularExpressions;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace LDaeCore.TorchRival;

/// <summary>The engine's op cases, found by their names as <c>bench list</c> prints them, done by libtorch.</summary>
internal static partial class Ops
{
    /// <summary>An op's inputs, of which those that want a gradient say so, and what it computes.</summary>
    public sealed record Case(Tensor[] Inputs, Func<Tensor[], Tensor> Run);

    /// <summary>The case of a name; null when libtorch has no counterpart here.</summary>
    public static Case? Of(string name)
    {
        foreach (var (pattern, make) in ((Regex, Func<int[], string, Case>)[])[(LinearName(), Linear), (AttentionName(), Attention), (NormName(), Norm)])
        {
            var match = pattern.Match(name);
            if (match.Success)
            {
                var sizes = match.Groups.Cast<Group>().Skip(1).Where(g => g.Name != "rest").Select(g => int.Parse(g.Value, CultureInfo.InvariantCulture));
                return make([.. sizes], match.Groups["rest"].Value);
            }
        }

        return null;
    }

    private static Case Linear(int[] s, string rest)
    {
        var bias = !rest.Contains("no bias", StringComparison.Ordinal);
        var gelu = rest.Contains("gelu", StringComparison.Ordinal);
        Tensor[] inputs = [New(s[0], s[2]), New(s[1], s[2]), .. bias ? (Tensor[])[New(s[1])] : []];
        return new Case(inputs, i =>
        {
            var y = F.linear(i[0], i[1], bias ? i[2] : null);
            return gelu ? F.gelu(y, TorchSharp.Modules.GELU.Approximate.tanh) : y;
        });
    }

    private static Case Attention(int[] s, string rest)
    {
        var (images, tokens, heads, size) = (s[0], s[1], s[2], s[3]);
        return new Case([New(images * tokens, 3 * heads * size)], i =>
        {
            var qkv = i[0].view(images, tokens, 3, heads, size).permute(2, 0, 3, 1, 4);
            return F.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2]).transpose(1, 2).reshape(images * tokens, heads * size);
        });
    }

    private static Case Norm(int[] s, string rest)
    {
        var (images, tokens, width) = (s[0], s[1], s[2]);
        return new Case([New(images, tokens, width), New(images, tokens, width), New(images, 1, 3 * width)], i =>
        {
            var parts = i[2].chunk(3, -1);
            var h = i[0] + (parts[1] * i[1]);
            var y = (F.layer_norm(h, [width], null, null, 1e-6) * (1 + parts[2])) + parts[0];
            return cat([h, y]);
        });
    }

    private static Tensor New(params long[] sizes) => randn(sizes, requires_grad: true).DetachFromDisposeScope();

    [GeneratedRegex(@"^linear (\d+)x(\d+)x(\d+)(?<rest>(?: no bias| gelu)*)$")]
    private static partial Regex LinearName();

    [GeneratedRegex(@"^attention (\d+)x(\d+) tokens, (\d+) heads of (\d+)(?<rest>)$")]
    private static partial Regex AttentionName();

    [GeneratedRegex(@"^layernorm (\d+)x(\d+)x(\d+) gate, modulate(?<rest>)$")]
    private static partial Regex NormName();
}
