// RUN: headgate-opt %s --split-input-file --verify-diagnostics

func.func @unknown_op() {
  // expected-error @below {{unregistered operation 'routed.scatter'}}
  "routed.scatter"() : () -> ()
  return
}

// -----

// expected-error @+2 {{unknown attribute `kind` in dialect `routed`}}
func.func @unknown_attribute() attributes {
    a = #routed<kind x>} {
  return
}

// -----

// expected-error @+2 {{dialect 'routed' provides no type parsing hook}}
func.func @no_types(
    %a: !routed.head) {
  return
}
