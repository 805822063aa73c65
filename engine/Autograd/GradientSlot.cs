using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Autograd;

/// <summary>Where one tensor's gradient is gathered: the first contribution is stored, later ones are added.</summary>
internal sealed class GradientSlot
{
    /// <summary>The gradient, once there is memory for it. Parameters have theirs from the start.</summary>
    public Tensor? Gradient { get; set; }

    /// <summary>Whether a first contribution was stored.</summary>
    public bool Stored { get; set; }

    /// <summary>Whether the memory outlives the step (a parameter's gradient in the flat buffer).</summary>
    public bool Persistent { get; init; }
}
