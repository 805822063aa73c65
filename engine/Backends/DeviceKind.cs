namespace LDaeCore.Engine.Backends;

/// <summary>Where tensors live and who computes.</summary>
public enum DeviceKind
{
    /// <summary>float64, plain loops: the executable specification.</summary>
    Reference,

    /// <summary>float32 on the processor's vector units, several threads.</summary>
    Cpu,

    /// <summary>No memory and no arithmetic: walks a step to plan its memory from shapes.</summary>
    Plan,
}
