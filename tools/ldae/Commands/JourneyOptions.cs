using LDaeCore.Model.Journey;
using LDaeCore.Runner.Journeys;

namespace LDaeCore.Runner.Commands;

/// <summary>What journey was asked.</summary>
/// <param name="Preset">The size, with everything that was set.</param>
/// <param name="Settings">What the journey in the folder was started with.</param>
/// <param name="Steps">The steps to make, in order.</param>
/// <param name="Sweeps">The sweeps to make.</param>
/// <param name="Seeds">How many seeds, from the settings' on.</param>
/// <param name="Device">Where to compute.</param>
/// <param name="Out">Where to write.</param>
/// <param name="Threads">Threads to compute with; null for every core.</param>
/// <param name="MaxBadSamples">Unreadable images to skip before giving up.</param>
internal sealed record JourneyOptions(
    JourneyPreset Preset,
    JourneySettings Settings,
    IReadOnlyList<JourneyStep> Steps,
    IReadOnlyList<JourneySweep> Sweeps,
    int Seeds,
    DeviceChoice Device,
    JourneyFolder Out,
    int? Threads,
    int MaxBadSamples);
