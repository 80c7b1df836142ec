package horizonlm

import (
	"encoding/json"

	"horizonlm/internal/native"
)

// Device is a device of this machine.
type Device struct {
	Name        string         // "cpu", "cuda:0"
	Description string         //
	MemoryBytes int64          //
	Details     map[string]any // everything that the library says of it
}

func (d *Device) fill(details map[string]any) {
	d.Details = details
	d.Name, _ = details["name"].(string)
	d.Description, _ = details["description"].(string)
	bytes, _ := details["memory_bytes"].(float64)
	d.MemoryBytes = int64(bytes)
}

// Devices lists the devices that can be used, the CPU last.
func Devices() ([]Device, error) {
	if err := checkVersion(); err != nil {
		return nil, err
	}
	var text uintptr
	if err := native.Hlm_device_list(&text); err != nil {
		return nil, err
	}
	var list []map[string]any
	if err := parse(text, &list); err != nil {
		return nil, err
	}
	devices := make([]Device, len(list))
	for i := range list {
		devices[i].fill(list[i])
	}
	return devices, nil
}

// DescribeDevice is the device that name ("auto", "cpu", "cuda:0") stands for; Details["reason"] says why. NotFound for a name that is no
// device, Unavailable for one that cannot be used here.
func DescribeDevice(name string) (Device, error) {
	var device Device
	var text uintptr
	if err := checkVersion(); err != nil {
		return device, err
	}
	if err := checkText("name", name); err != nil {
		return device, err
	}
	if err := native.Hlm_device_describe(name, &text); err != nil {
		return device, err
	}
	var details map[string]any
	if err := parse(text, &details); err != nil {
		return device, err
	}
	device.fill(details)
	return device, nil
}

// DescribeMachine is the device and its host as the JSON that PlanOptions.MachineJSON takes: to plan for this machine elsewhere. Errors as
// DescribeDevice.
func DescribeMachine(name string) (string, error) {
	var text uintptr
	if err := checkVersion(); err != nil {
		return "", err
	}
	if err := checkText("name", name); err != nil {
		return "", err
	}
	if err := native.Hlm_device_machine(name, &text); err != nil {
		return "", err
	}
	return takeText(text), nil
}

// parse takes a JSON text of the library's.
func parse(text uintptr, to any) error {
	if err := json.Unmarshal([]byte(takeText(text)), to); err != nil {
		return errorf(Internal, "the library's JSON cannot be read: %v", err)
	}
	return nil
}
