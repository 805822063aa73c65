using System.Globalization;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>What becomes one cubin: a family, its constants and an architecture.</summary>
/// <param name="Family">Name of the .cu file without its ending.</param>
/// <param name="Constants">-D constants.</param>
/// <param name="Architecture">Such as sm_90a.</param>
internal sealed record KernelSpecification(string Family, IReadOnlyList<(string Name, int Value)> Constants, string Architecture)
{
    /// <summary>The source's name in messages.</summary>
    public string FileName => $"kernels/{Family}.cu";

    /// <summary>Such as attention_forward HEAD_SIZE=64 LDAE_BF16=1 sm_90a.</summary>
    public override string ToString() =>
        string.Join(' ', [Family, .. Constants.Select(c => string.Create(CultureInfo.InvariantCulture, $"{c.Name}={c.Value}")), Architecture]);
}
