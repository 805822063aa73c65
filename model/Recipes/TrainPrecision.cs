namespace LDaeCore.Model.Recipes;

/// <summary>Number format of activations in training; master weights are float32 in both.</summary>
public enum TrainPrecision
{
    /// <summary>float32 throughout.</summary>
    Fp32,

    /// <summary>bfloat16 storage with float32 accumulation; not on the cpu and reference devices.</summary>
    Bf16,
}
